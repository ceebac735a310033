import type { PacketSum } from '@bpfleet/contract';
import type { StoredSum, Totals } from '@bpfleet/store';

/** Packets and bytes while they add up, with what they stand for by sampling. */
export class FlowTotals implements Totals {
  packets = 0;
  bytes = 0;
  estimatedPackets = 0;
  estimatedBytes = 0;

  add(packets: number, bytes: number, weight: number): void {
    this.packets += packets;
    this.bytes += bytes;
    this.estimatedPackets += packets * weight;
    this.estimatedBytes += bytes * weight;
  }

  merge({ packets, bytes, estimatedPackets, estimatedBytes }: Totals): void {
    this.packets += packets;
    this.bytes += bytes;
    this.estimatedPackets += estimatedPackets;
    this.estimatedBytes += estimatedBytes;
  }

  /** @param version the one that is asked for */
  addSum({ packets, bytes, filters, weights }: StoredSum, version: string | undefined): void {
    this.add(packets, bytes, weightOf(filters, weights, version));
  }
}

/** The estimate only where it says something else than the count. */
export function packetSum({ packets, bytes, estimatedPackets, estimatedBytes }: Totals): PacketSum {
  const isSampled = estimatedPackets !== packets || estimatedBytes !== bytes;
  const estimated = { packets: estimatedPackets, bytes: estimatedBytes };
  return { packets, bytes, ...(isSampled ? { estimated } : {}) };
}

/** The versions of a flow with their weights: `web@3,dns@1` and `1,10`, or empty where all are 1. */
export function weightedVersions(filters: string, weights: string): { version: string; weight: number }[] {
  const each = weights === '' ? [] : weights.split(',');
  return filters.split(',').map((version, index) => ({ version, weight: Number(each[index] ?? 1) }));
}

export const isVersionOf = (version: string, asked: string): boolean =>
  version === asked || version.startsWith(`${asked}@`);

/**
 * How many packets one stands for: by the version that is asked for, or else the smallest weight, that of the version
 * which stored the most. In SQL it is `weightSql`.
 */
export function weightOf(filters: string, weights: string, asked: string | undefined): number {
  if (weights === '') return 1;
  const versions = weightedVersions(filters, weights);
  const among = asked === undefined ? versions : versions.filter(({ version }) => isVersionOf(version, asked));
  return among.length === 0 ? 1 : Math.min(...among.map(({ weight }) => weight));
}
