import { bothWays, type FlowBucket, type FlowRow, type FlowSumRow, MINUTE_NS, type OtherPackets } from './flow-row.js';
import { HostSums, ServiceSums, servicePort } from './sums.js';

type Counts = Omit<FlowSumRow, keyof FlowBucket | 'services' | 'hosts'>;

const NO_OTHERS = { otherPackets: 0, otherBytes: 0, unclearPackets: 0, unclearBytes: 0 } as const;

/** Sums of one bucket while flows, or sums of them, are added. */
export class FlowSum {
  readonly #services = new ServiceSums();
  readonly #hosts = new HostSums();
  readonly #counts: { -readonly [Name in keyof Counts]: number } = {
    packets: 0,
    bytes: 0,
    ...NO_OTHERS,
  };

  constructor(private readonly bucket: FlowBucket) {}

  isOf({ bucketNs, agent, filters, weights }: FlowBucket): boolean {
    const own = this.bucket;
    return own.bucketNs === bucketNs && own.agent === agent && own.filters === filters && own.weights === weights;
  }

  addFlow(flow: FlowRow): void {
    const { source, destination, sourcePort, destinationPort, protocol } = flow;
    const { packets, bytes } = bothWays(flow);
    this.#hosts.addFlow(source, destination, packets, bytes);
    this.#services.add(protocol, servicePort(sourcePort, destinationPort), packets, bytes);
    this.#count({ packets, bytes, ...NO_OTHERS });
  }

  addOther({ packets, bytes, unclearPackets, unclearBytes }: Omit<OtherPackets, keyof FlowBucket>): void {
    this.#count({ packets, bytes, otherPackets: packets, otherBytes: bytes, unclearPackets, unclearBytes });
  }

  addSum(sum: Omit<FlowSumRow, keyof FlowBucket>): void {
    this.#hosts.addEncoded(sum.hosts);
    this.#services.addEncoded(sum.services);
    this.#count(sum);
  }

  row(): FlowSumRow {
    const { bucketNs, agent, filters, weights } = this.bucket;
    const sums = { services: this.#services.encode(), hosts: this.#hosts.encode() };
    return { bucketNs, agent, filters, weights, ...this.#counts, ...sums };
  }

  #count(more: Counts): void {
    this.#counts.packets += more.packets;
    this.#counts.bytes += more.bytes;
    this.#counts.otherPackets += more.otherPackets;
    this.#counts.otherBytes += more.otherBytes;
    this.#counts.unclearPackets += more.unclearPackets;
    this.#counts.unclearBytes += more.unclearBytes;
  }
}

/** What flows and other packets add up to, by minute, agent and versions. */
export class MinuteSums {
  readonly #sums = new FlowSums();

  addFlow(flow: FlowRow): void {
    const { agent, filters, weights, firstNs } = flow;
    this.#sums.of({ bucketNs: firstNs - (firstNs % MINUTE_NS), agent, filters, weights }).addFlow(flow);
  }

  addOther(other: OtherPackets): void {
    this.#sums.of(other).addOther(other);
  }

  rows(): FlowSumRow[] {
    return this.#sums.rows();
  }
}

/** The same of all of them at once. */
export function minuteSums(flows: readonly FlowRow[], others: readonly OtherPackets[]): FlowSumRow[] {
  const sums = new MinuteSums();
  for (const flow of flows) sums.addFlow(flow);
  for (const other of others) sums.addOther(other);
  return sums.rows();
}

/** Sums of many buckets. */
export class FlowSums {
  readonly #sums = new Map<string, FlowSum>();
  #last: FlowSum | undefined;

  of(bucket: FlowBucket): FlowSum {
    // Mostly the one before's: its key need not be made.
    if (!this.#last?.isOf(bucket)) this.#last = this.#find(bucket);
    return this.#last;
  }

  rows(): FlowSumRow[] {
    return [...this.#sums.values()].map((sum) => sum.row());
  }

  #find({ bucketNs, agent, filters, weights }: FlowBucket): FlowSum {
    const key = `${bucketNs} ${agent} ${filters} ${weights}`;
    const known = this.#sums.get(key);
    if (known) return known;
    const made = new FlowSum({ bucketNs, agent, filters, weights });
    this.#sums.set(key, made);
    return made;
  }
}
