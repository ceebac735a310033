import {
  Deadline,
  type Flow,
  type FlowCompleteness,
  type FlowList,
  type FlowListQuery,
  formatInstantNs,
  type Timeline,
  type TimelineQuery,
  type Top,
  type TopQuery,
} from '@bpfleet/contract';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import { formatAddress, parseAddress, protocolName } from '@bpfleet/packet';
import { type FlowSnapshot, type FoundFlow, HOUR_NS, type StoredSum, type Totals } from '@bpfleet/store';
import { Injectable } from '@nestjs/common';
import { LedgerSource } from '../ledger/ledger-source.js';
import { ScanSlots } from '../packets/scan-slots.js';
import { queryDigest } from '../query-digest.js';
import { AskedFlows } from './asked-flows.js';
import { MOST_QUESTIONS, QUESTION_TIME_MS } from './config.js';
import { cursorText, readCursor } from './flow-cursor.js';
import { type FlowRequest, flowRequest, isoOf, rangeOf } from './flow-request.js';
import { FlowSource } from './flow-source.js';
import { FlowTotals, packetSum, weightOf } from './flow-sum.js';
import {
  byAgent,
  byFilter,
  byTime,
  type Entries,
  HostGroups,
  KeyGroups,
  OTHER,
  ServiceGroups,
  type SumGroups,
  totalOf,
} from './sum-groups.js';
import { tcpFlagNames } from './tcp-flag-names.js';
import { stepNs } from './timeline-step.js';

interface Counted {
  readonly total: Totals;
  readonly packetsUndecided: number;
  readonly packetsPending: number;
}

/** Counts packets by their flows. Without an expression by the sums of minutes and hours; with one, flow by flow. */
@Injectable()
export class FlowsService {
  readonly #slots = new ScanSlots(MOST_QUESTIONS, 'count flows');

  constructor(
    private readonly source: FlowSource,
    private readonly ledger: LedgerSource,
  ) {}

  async list(question: FlowListQuery, nowMs: number, signal: AbortSignal): Promise<FlowList> {
    const digest = queryDigest([question.filter, question.agent, question.version]);
    const cursor = question.cursor === undefined ? undefined : readCursor(question.cursor, digest);
    const request = flowRequest(question, nowMs);
    // A later page is of the range of the first one.
    const query = { ...request.query, ...cursor?.range };
    const { limit } = question;
    const { found, counted } = await this.#ask(async (snapshot) => {
      const asked = await AskedFlows.read(snapshot, query);
      const found = await snapshot.flows(query, asked.pending, { limit: limit + 1, after: cursor?.after });
      return { found, counted: await this.#counted(asked, request) };
    }, signal);
    const flows = found.slice(0, limit);
    const last = flows.at(-1);
    return {
      range: rangeOf(query),
      flows: flows.map(flowOf),
      ...(found.length > limit && last ? { next: cursorText(digest, query, last) } : {}),
      completeness: await this.#completeness({ ...request, query }, counted, 'flow'),
    };
  }

  async timeline(question: TimelineQuery, nowMs: number, signal: AbortSignal): Promise<Timeline> {
    const request = flowRequest(question, nowMs);
    const { query, filter } = request;
    const step = stepNs(question.step, query);
    const { entries, counted } = await this.#ask(async (snapshot) => {
      const asked = await AskedFlows.read(snapshot, query);
      const finest = step % HOUR_NS === 0n ? 'hour' : 'minute';
      const points = byTime(query.version, step);
      if (!filter) {
        const total = new FlowTotals();
        await asked.sums('none', finest, (sum) => {
          points.add(sum);
          total.addSum(sum, query.version);
        });
        return { entries: points.entries(), counted: { ...this.#allDecided(asked), total } };
      }
      if (filter.ofOthers === true) await asked.sums('none', finest, (sum) => points.add(onlyOthers(sum)));
      const groups = await snapshot.groups(query, asked.pending, { by: 'time', stepNs: step });
      for (const { key, ...totals } of groups) totalOf(points.totals, key!).merge(totals);
      return { entries: points.entries(), counted: await this.#counted(asked, request) };
    }, signal);
    const points = entries
      .filter(([, { packets }]) => packets > 0)
      .map(([key, totals]) => ({ at: isoOf(BigInt(key) * step), ...packetSum(totals) }))
      .toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
    const completeness = await this.#completeness(request, counted, filter ? 'flow' : 'rollup');
    return { range: rangeOf(query), stepMs: Number(step / 1_000_000n), points, completeness };
  }

  async top(question: TopQuery, nowMs: number, signal: AbortSignal): Promise<Top> {
    const request = flowRequest(question, nowMs);
    const { query, filter } = request;
    const { by, order, limit } = question;
    const { entries, counted } = await this.#ask(async (snapshot) => {
      const asked = await AskedFlows.read(snapshot, query);
      if (!filter) {
        const { entries, total } = await topOfAll(asked, question);
        return { entries, counted: { ...this.#allDecided(asked), total } };
      }
      // What is not IP may be among the largest: it is added before they are cut.
      const groups = await snapshot.groups(query, asked.pending, { by, order, limit: limit + MOST_OTHERS });
      const totals = new Map<string, FlowTotals>();
      if (filter.ofOthers === true) for (const [key, sum] of await othersBy(asked, by)) totalOf(totals, key).merge(sum);
      for (const { key, ...sum } of groups) totalOf(totals, keyName(by, key)).merge(sum);
      return { entries: [...totals], counted: await this.#counted(asked, request) };
    }, signal);
    const largest = entries
      .toSorted(([a, one], [b, other]) => other[order] - one[order] || (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([key, totals]) => ({ key, ...packetSum(totals) }));
    const completeness = await this.#completeness(request, counted, filter ? 'flow' : 'rollup');
    return { range: rangeOf(query), by, entries: largest, total: packetSum(counted.total), completeness };
  }

  /** @throws BpfleetError `TOO_BUSY`, `QUERY_TIMEOUT` */
  async #ask<Answer>(question: (snapshot: FlowSnapshot) => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    const release = this.#slots.take();
    const deadline = new Deadline(QUESTION_TIME_MS, signal);
    try {
      return await this.source.ask(question, deadline.signal);
    } catch (error) {
      signal.throwIfAborted();
      const isLate = deadline.signal.aborted || hasCode(error, 'QUERY_TIMEOUT');
      throw isLate ? tookTooLong(error) : error;
    } finally {
      deadline.clear();
      release();
    }
  }

  #allDecided({ packetsPending }: AskedFlows): Omit<Counted, 'total'> {
    return { packetsUndecided: 0, packetsPending };
  }

  async #counted(asked: AskedFlows, { filter }: FlowRequest): Promise<Counted> {
    const { snapshot, query, pending, packetsPending } = asked;
    const total = new FlowTotals();
    if (!filter) {
      await asked.sums('none', 'hour', (sum) => total.addSum(sum, query.version));
      return { ...this.#allDecided(asked), total };
    }
    const others = new FlowTotals();
    let unclear = 0;
    await asked.sums('none', 'hour', (sum) => {
      others.addSum(onlyOthers(sum), query.version);
      unclear += sum.unclearPackets;
    });
    const notPlain = await asked.notPlain();
    total.merge(await snapshot.totals(query, pending));
    if (filter.ofOthers === true) total.merge(others);
    const packetsUndecided = notPlain + unclear + (filter.ofOthers === undefined ? others.packets : 0);
    return { total, packetsUndecided, packetsPending };
  }

  async #completeness({ query }: FlowRequest, counted: Counted, from: 'flow' | 'rollup'): Promise<FlowCompleteness> {
    const { sinceNs, untilNs, agent } = query;
    const losses = await this.ledger.losses({ sinceNs, untilNs: untilNs - 1n, agent, from });
    const { total, packetsUndecided, packetsPending } = counted;
    return { packetsCounted: total.packets, packetsUndecided, packetsPending, ...losses };
  }
}

const tookTooLong = (cause: unknown): BpfleetError =>
  new BpfleetError('QUERY_TIMEOUT', `counting these flows took more than ${QUESTION_TIME_MS / 1000} s`, {
    cause,
    hint: 'ask for a shorter range, or with fewer terms; without an expression the sums of minutes and hours answer',
  });

/** More than the keys that packets without a flow have. */
const MOST_OTHERS = 1000;

async function topOfAll(
  asked: AskedFlows,
  { by, order, limit }: Pick<TopQuery, 'by' | 'order' | 'limit'>,
): Promise<{ entries: Entries; total: Totals }> {
  const { version } = asked.query;
  const groups = groupsBy(by, version);
  const total = new FlowTotals();
  await asked.sums(KEYS_BY[by], 'hour', (sum) => {
    groups.add(sum);
    total.addSum(sum, version);
  });
  return { entries: groups.entries(order, limit), total };
}

const KEYS_BY = { agent: 'none', filter: 'none', host: 'hosts', port: 'services', protocol: 'services' } as const;

function groupsBy(by: TopQuery['by'], version: string | undefined): SumGroups {
  switch (by) {
    case 'host':
      return new HostGroups(version);
    case 'port':
    case 'protocol':
      return new ServiceGroups(version, by);
    case 'agent':
      return byAgent(version);
    case 'filter':
      return byFilter(version);
  }
}

async function othersBy(asked: AskedFlows, by: TopQuery['by']): Promise<Entries> {
  const { version } = asked.query;
  if (by === 'host') return [];
  const keyless = new KeyGroups(({ filters, weights }) => [[OTHER, weightOf(filters, weights, version)]]);
  const groups = by === 'agent' ? byAgent(version) : by === 'filter' ? byFilter(version) : keyless;
  await asked.sums('none', 'hour', (sum) => groups.add(onlyOthers(sum)));
  return groups.entries();
}

/** What certainly is not IP. */
const onlyOthers = (sum: StoredSum): StoredSum => ({
  ...sum,
  packets: sum.otherPackets - sum.unclearPackets,
  bytes: sum.otherBytes - sum.unclearBytes,
});

/** Postgres writes some addresses otherwise. */
function addressText(text: string): string {
  const address = parseAddress(text);
  return formatAddress(address, 0, address.length);
}

/** As the sums name it. */
function keyName(by: TopQuery['by'], key: string | null): string {
  if (key === null) return OTHER;
  if (by === 'protocol') return protocolName(Number(key));
  return by === 'host' ? addressText(key) : key;
}

function flowOf(flow: FoundFlow): Flow {
  const { agent, filters, sourcePort, destinationPort } = flow;
  return {
    ...{ agent, filters: filters.split(','), protocol: protocolName(flow.protocol) },
    source: addressText(flow.source),
    ...(sourcePort < 0 ? {} : { sourcePort }),
    destination: addressText(flow.destination),
    ...(destinationPort < 0 ? {} : { destinationPort }),
    ...{ first: formatInstantNs(flow.firstNs), last: formatInstantNs(flow.lastNs) },
    ...packetSum(flow),
    tcpFlags: tcpFlagNames(flow.tcpFlags),
  };
}
