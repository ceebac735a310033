import { checkProgram, formatProgram, interpret, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { type Compilation, compile } from '@bpfleet/pcap-filter';
import { beforeAll, expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { aimsOf } from './aims.js';
import { randomExpression } from './expressions.js';
import { randomPacket } from './packets.js';
import { Random, seedOfRun } from './random.js';
import { inParallel, installedLibpcap, libpcapProgram } from './tcpdump.js';
import { agrees, verdictOf } from './verdicts.js';

const EXPRESSIONS = Number(process.env.BPFLEET_TEST_EXPRESSIONS) || 250;
const PACKETS = 100;

interface Case {
  readonly expression: string;
  readonly ours: Compilation | BpfleetError;
  readonly oursPlain: Compilation | BpfleetError;
  readonly theirs: { program: Program } | { refusal: string };
  readonly theirsPlain: { program: Program } | { refusal: string };
}

suiteRequires('verdicts of random expressions', { tcpdump: await installedLibpcap() }, () => {
  const seed = seedOfRun();
  const random = new Random(seed);
  let cases: Case[] = [];

  beforeAll(async () => {
    const expressions = Array.from({ length: EXPRESSIONS }, () => randomExpression(random));
    cases = await inParallel(expressions, 4, async (expression) => ({
      expression,
      ours: compiled(expression, true),
      oursPlain: compiled(expression, false),
      theirs: await libpcapProgram(expression, true),
      theirsPlain: await libpcapProgram(expression, false),
    }));
  });

  it(`are those of libpcap (BPFLEET_TEST_SEED=${seed})`, () => {
    const count = { compared: 0, accepted: 0, apart: 0 };
    for (const { expression, ours, oursPlain, theirs, theirsPlain } of cases) {
      if (ours instanceof BpfleetError || oursPlain instanceof BpfleetError) continue;
      if ('refusal' in theirs || 'refusal' in theirsPlain) continue;
      const aims = aimsOf(ours.stages.ir);
      for (let index = 0; index < PACKETS; index++) {
        const packet = randomPacket(random, aims, 25);
        const plain = verdictOf(theirsPlain.program, packet);
        const optimised = verdictOf(theirs.program, packet);
        const value: number = interpret(ours.program, packet);
        const plainValue: number = interpret(oursPlain.program, packet);
        count.compared++;
        if (plain.value !== 0) count.accepted++;
        // Optimising must not change a verdict, whatever the packet's length.
        if (value === plainValue && agrees(value, plain, optimised)) continue;
        count.apart++;
        const isShort = packet.wireLength < 60 && (plain.loadedOutside || optimised.loadedOutside);
        if (value !== plainValue || !isShort) {
          const hex = Buffer.from(packet.bytes.subarray(0, packet.capturedLength)).toString('hex');
          const verdicts = `ours ${value}, plain ${plainValue}, libpcap ${optimised.value}, plain ${plain.value}`;
          expect.fail(`seed ${seed}: ${expression}\n${verdicts}\n${hex}\n${formatProgram(ours.program, 'd')}`);
        }
      }
    }
    console.info(`${count.compared} pairs compared, ${count.accepted} accepted, ${count.apart} too short to agree`);
    expect(count.apart / count.compared).toBeLessThan(0.02);
    // A test that never sees a match would agree with anything.
    expect(count.accepted / count.compared).toBeGreaterThan(0.1);
    expect(count.accepted / count.compared).toBeLessThan(0.9);
  });

  it(`compiles what libpcap compiles, and refuses what it refuses (BPFLEET_TEST_SEED=${seed})`, () => {
    for (const { expression, oursPlain, theirsPlain } of cases) {
      const ours = oursPlain instanceof BpfleetError ? oursPlain.message : 'compiled';
      const theirs = 'refusal' in theirsPlain ? theirsPlain.refusal : 'compiled';
      expect([expression, ours === 'compiled', theirs === 'compiled' || `${ours} | ${theirs}`]).toEqual([
        expression,
        theirs === 'compiled',
        theirs === 'compiled' || expect.anything(),
      ]);
    }
  });

  it(`says that an expression never matches where libpcap says so, and is right (BPFLEET_TEST_SEED=${seed})`, () => {
    for (const { expression, ours, oursPlain, theirs, theirsPlain } of cases) {
      if ('refusal' in theirsPlain || oursPlain instanceof BpfleetError) continue;
      const oursNever = ours instanceof BpfleetError && ours.code === 'NEVER_MATCHES';
      if ('refusal' in theirs) expect([expression, oursNever]).toEqual([expression, true]);
      if (!oursNever) continue;
      const aims = aimsOf(oursPlain.stages.ir);
      for (let index = 0; index < PACKETS; index++) {
        const packet = randomPacket(random, aims, 0);
        expect([expression, verdictOf(theirsPlain.program, packet).value]).toEqual([expression, 0]);
      }
    }
  });

  it(`comes from programs the kernel takes, as long as libpcap's (BPFLEET_TEST_SEED=${seed})`, () => {
    const ratios: number[] = [];
    for (const { ours, theirs } of cases) {
      if (ours instanceof BpfleetError || 'refusal' in theirs) continue;
      expect(checkProgram(ours.program)).toBeUndefined();
      ratios.push(ours.program.length / theirs.program.length);
    }
    ratios.sort((a, b) => a - b);
    const median = ratios[Math.floor(ratios.length / 2)] ?? 1;
    console.info(`length against libpcap's: median ${median.toFixed(2)}`);
    // Some are longer: where both answers lead to the same verdict, libpcap drops loads that may fail; ours keeps them, so
    // that a packet too short for the filter is refused whatever stands after it.
    expect(median).toBeLessThanOrEqual(1.05);
  });
});

function compiled(expression: string, optimize: boolean): Compilation | BpfleetError {
  try {
    return compile(expression, { optimize });
  } catch (error) {
    if (error instanceof BpfleetError) return error;
    throw error;
  }
}
