import { EtherType } from '../ether-type.js';
import { parseMac } from '../parse-address.js';
import { bytesU16, concatenate } from './bytes.js';

export interface EthernetTag {
  readonly id: number;
  readonly priority?: number;
  /** 0x8100 unless told otherwise. */
  readonly tpid?: number;
}

export interface EthernetFields {
  readonly source?: string;
  readonly destination?: string;
  /** Outermost first. */
  readonly tags?: readonly EthernetTag[];
  /** By the payload's version nibble when not given. */
  readonly etherType?: number;
  readonly payload: Uint8Array;
}

/** One Ethernet II frame, without padding and FCS. */
export function buildEthernet(fields: EthernetFields): Uint8Array<ArrayBuffer> {
  const tags = (fields.tags ?? []).map(({ id, priority = 0, tpid = EtherType.VLAN }) =>
    bytesU16(tpid, (priority << 13) | id),
  );
  const isIpv6 = (fields.payload[0] ?? 0) >> 4 === 6;
  return concatenate(
    parseMac(fields.destination ?? '02:00:00:00:00:02'),
    parseMac(fields.source ?? '02:00:00:00:00:01'),
    ...tags,
    bytesU16(fields.etherType ?? (isIpv6 ? EtherType.IPV6 : EtherType.IP)),
    fields.payload,
  );
}
