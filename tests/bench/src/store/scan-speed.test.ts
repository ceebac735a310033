import { jit } from '@bpfleet/bpf';
import type { ApiClient } from '@bpfleet/contract';
import { compile, mayMatch, prefilterOf, printToken } from '@bpfleet/pcap-filter';
import { liveFrames } from '@bpfleet/test-environment/live-traffic';
import { describe, expect, it } from 'vitest';
import { SCANNED_FOR, scanSpeed } from './scan-speed.js';

const PACKETS = 1_000;

/** Takes a second for the first expression, and half as long for each next one. */
class FakeQueries {
  readonly asked: string[] = [];
  #nowMs = 0;

  constructor(private readonly rangeScanned: boolean) {}

  readonly now = (): number => this.#nowMs;
  readonly client = {
    call: async (_: unknown, { query }: { query: { filter: string; since: string } }) => {
      this.#nowMs += 1000 / 2 ** this.asked.length;
      this.asked.push(`${query.filter} since ${query.since}`);
      return { packets: [], completeness: { packetsScanned: PACKETS, rangeScanned: this.rangeScanned } };
    },
  } as unknown as ApiClient;
}

/** Of what the index tells: no section is without. */
const IN_EACH_SECTION = ['ethertype 0x0800', 'protocol 6'];

describe('the expressions that are scanned for', () => {
  const source = liveFrames(7, { liveFlows: 2_000, snaplenBytes: 128 });
  const traffic = Array.from({ length: 10_000 }, () => source.next().value);

  it.each(SCANNED_FOR)('get no help of the index: %s', (expression) => {
    expect(mayMatch(prefilterOf(expression), (token) => IN_EACH_SECTION.includes(printToken(token)))).toBe(true);
  });

  it.each(SCANNED_FOR)('match nothing of the traffic, so that nothing ends a scan: %s', (expression) => {
    const verdictOf = jit(compile(expression).program);
    const matching = traffic.filter(({ bytes, wireLength }) => verdictOf(bytes, 0, bytes.length, wireLength) > 0);
    expect(matching.map(({ flow }) => flow)).toEqual([]);
  });
});

describe('scanSpeed', () => {
  it('takes the slowest of all expressions', async () => {
    const { asked, client, now } = new FakeQueries(true);
    const speed = await scanSpeed(client, '-2h', ['less 20', 'greater 99'], now);
    expect(speed).toEqual({ value: 1000, spread: [1000, 2000], n: 2 * PACKETS });
    expect(asked).toEqual(['less 20 since -2h', 'greater 99 since -2h']);
  });

  it('refuses one that did not read all', async () => {
    const { client, now } = new FakeQueries(false);
    await expect(scanSpeed(client, '-2h', ['less 20'], now)).rejects.toThrow('read 1000 packets and no more');
  });
});
