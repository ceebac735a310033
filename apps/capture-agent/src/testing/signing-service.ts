import { toTuples } from '@bpfleet/bpf';
import {
  type Bundle,
  bundleKind,
  type DesiredState,
  desiredStateKind,
  digestOf,
  payloadOf,
  sealDocument,
  signPayload,
  toBase64,
} from '@bpfleet/contract';
import { compile, selfTestPackets } from '@bpfleet/pcap-filter';
import { nodeCrypto, PrivateKey } from '@bpfleet/service';
import type { DesireOrder } from '../border/opener-port.js';

export interface TestFilter {
  readonly filter: string;
  readonly version: number;
  readonly expression: string;
  readonly interfaces?: readonly string[];
  readonly snaplenBytes?: number;
  readonly sampling?: number;
  readonly budget?: Bundle['budget'];
  readonly notAfter?: string;
  /** Instead of what the expression compiles to. */
  readonly programs?: Bundle['programs'];
}

/** What the filter-manager does, as far as agents see it: signs bundles and desired states. */
export class SigningService {
  readonly key = PrivateKey.generate();
  #generation = 0;

  constructor(private readonly agent: string) {}

  desire(filters: readonly TestFilter[], more: Partial<DesiredState> = {}): DesireOrder {
    const bundles = filters.map((filter) => payloadOf(bundleKind, bundleOf(filter)));
    const state: DesiredState = {
      agent: this.agent,
      generation: ++this.#generation,
      issuedAt: new Date().toISOString(),
      entries: bundles.map((payload, index) => ({
        digest: digestOf(payload, nodeCrypto),
        signatures: signPayload(bundleKind.payloadType, payload, [this.key]),
        interfaces: [...(filters[index]!.interfaces ?? ['*'])],
        ...(filters[index]!.notAfter === undefined ? {} : { notAfter: filters[index]!.notAfter }),
      })),
      settings: { flushWindowMs: 50, reportIntervalMs: 60_000, budgets: {} },
      excluded: [],
      linkerVersion: 1,
      keys: [this.key.publicKey],
      revokedKeys: [],
      ...more,
    };
    return {
      state: sealDocument(desiredStateKind, state, [this.key]),
      bundles: bundles.map((payload) => toBase64(payload)),
      excluded: [],
    };
  }
}

const bundleOf = ({ filter, version, expression, snaplenBytes, sampling, budget, programs }: TestFilter): Bundle => ({
  filter,
  version,
  expression,
  names: [],
  interfaces: ['*'],
  direction: 'any',
  programs:
    programs ??
    (['EN10MB', 'RAW'] as const).flatMap((linkType) => {
      try {
        const compilation = compile(expression, { live: true, linkType });
        const selfTest = selfTestPackets(compilation, { linkType, maxPackets: 16 }).packets.map(
          ({ bytes, ...packet }) => ({
            ...packet,
            bytes: toBase64(bytes),
          }),
        );
        return [
          {
            linkType,
            form: 'live' as const,
            target: 'cbpf' as const,
            instructions: toTuples(compilation.program),
            selfTest,
          },
        ];
      } catch {
        // It makes no sense on this link type.
        return [];
      }
    }),
  snaplenBytes: snaplenBytes ?? 128,
  sampling: sampling ?? 1,
  budget: budget ?? { packetsPerSecond: 0, bytesPerSecond: 0 },
  compiler: 'test',
});
