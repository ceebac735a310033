import type { Ir } from './ir.js';
import { at, equals } from './tests.js';

export const ETHERTYPE = { ip: 0x0800, arp: 0x0806, rarp: 0x8035, ip6: 0x86dd } as const;
export type NetworkProtocol = keyof typeof ETHERTYPE;

/** What differs between link types: where the network header starts and what says which protocol it is of. */
export interface LinkLayer {
  readonly network: number;
  carries(protocol: NetworkProtocol): Ir;
  readonly addresses: { readonly destination: number; readonly source: number };
}

/** DLT_EN10MB: destination, source, EtherType. */
export const ethernet: LinkLayer = {
  network: 14,
  carries: (protocol) => equals(at(12, 2), ETHERTYPE[protocol]),
  addresses: { destination: 0, source: 6 },
};
