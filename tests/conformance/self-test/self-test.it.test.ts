import { encodeEbpf, encodeProgram, interpret, jit, type Packet, withDescriptors } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { KernelVerdicts, LoadedFilter } from '@bpfleet/linux';
import { type Compilation, compile, compileEbpf, type SelfTestPacket, selfTestPackets } from '@bpfleet/pcap-filter';
import { afterAll, expect, it } from 'vitest';
import { type Requirement, suiteRequires } from '../../environment/src/requirements.js';
import { newCoverage, randomExpression } from '../expressions/expressions.js';
import { printFigures } from '../figures.js';
import type { LinkForm } from '../link-types.js';
import { Random, seedOfRun } from '../random.js';
import { shareWithin } from '../share.js';
import { mutantOf } from './mutants.js';
import { SteeredPackets } from './steered-packets.js';
import { takenEdges } from './taken-edges.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const EXPRESSIONS = 100 * ROUNDS;
const EBPF_EXPRESSIONS = 30 * ROUNDS;
/** Random packets for each expression that the packets made for it are compared with. */
const OTHERS = 100;
const MUTANTS = 200 * ROUNDS;

function kernel(): Requirement<KernelVerdicts> {
  try {
    return KernelVerdicts.open();
  } catch (error) {
    return { unavailable: String(error) };
  }
}

interface Compiled {
  readonly text: string;
  readonly form: LinkForm;
  readonly compilation: Compilation;
}

suiteRequires('self-test packets', { kernel: kernel() }, ({ kernel }) => {
  const seed = seedOfRun();
  afterAll(() => kernel.close());

  it(
    `cover both sides, and this kernel says what they expect (BPFLEET_TEST_SEED=${seed})`,
    () => {
      const random = new Random(seed);
      const coverage = newCoverage();
      const count = { conditions: 0, bothSides: 0, packets: 0, accepted: 0, inKernel: 0, oneVerdict: 0, ms: 0 };
      const edges = { others: 0, too: 0 };
      for (let round = 0; round < EXPRESSIONS; round++) {
        const { text, form, compilation } = nextCompiled(random, coverage);
        const before = process.cpuUsage();
        const test = selfTestPackets(compilation, form);
        const { user, system } = process.cpuUsage(before);
        count.ms += (user + system) / 1000;
        count.conditions += test.coverage.conditions;
        count.bothSides += test.coverage.bothSides;
        kernel.attach(encodeProgram(compilation.program));
        const run = jit(compilation.program);
        for (const packet of test.packets) {
          const { bytes, wireLength, metadata, verdict } = packet;
          const context = `seed ${seed}, ${form.name}: “${text}”, ${Buffer.from(bytes).toString('hex')}`;
          expect(run(bytes, 0, bytes.length, wireLength, metadata), context).toBe(verdict);
          count.packets++;
          if (verdict > 0) count.accepted++;
          if (packet.needsMetadata) continue;
          // The kernel shows min(verdict, length).
          expect(kernel.verdict(bytes), context).toBe(Math.min(verdict, bytes.length));
          count.inKernel++;
        }
        const { program } = compilation;
        const own = takenEdges(program, test.packets.map(packetOf));
        const others = new SteeredPackets([program], form, random);
        for (const edge of takenEdges(
          program,
          Array.from({ length: OTHERS }, () => others.next()),
        )) {
          edges.others++;
          if (own.has(edge)) edges.too++;
        }
        if (new Set(test.packets.map(({ verdict }) => verdict > 0)).size < 2) count.oneVerdict++;
      }
      printFigures(
        seed,
        `self-test packets: ${EXPRESSIONS} expressions, ${percent(count.bothSides, count.conditions)} of ` +
          `${count.conditions} conditions on both sides; ${count.packets} packets, ${percent(count.accepted, count.packets)} accepted, ` +
          `${count.inKernel} equal in this kernel, ${count.packets - count.inKernel} need metadata; ` +
          `of ${edges.others} ways through the programs that ${OTHERS} random packets each take they take ` +
          `${percent(edges.too, edges.others)}; ${count.oneVerdict} expressions with one verdict only; ${(count.ms / EXPRESSIONS).toFixed(1)} ms of CPU each`,
      );
      // The other conditions are mostly ones that no packet can answer in both ways.
      expect(shareWithin(count.bothSides / count.conditions, EXPRESSIONS).most).toBeGreaterThan(0.8);
      expect(shareWithin(edges.too / edges.others, EXPRESSIONS).most).toBeGreaterThan(0.9);
    },
    60_000 * ROUNDS,
  );

  it(
    `find programs with one constant, jump or offset wrong (BPFLEET_TEST_SEED=${seed})`,
    () => {
      const random = new Random(seed);
      const coverage = newCoverage();
      const count = { mutants: 0, found: 0 };
      const byKind = new Map<string, { mutants: number; found: number }>();
      while (count.mutants < MUTANTS) {
        const { form, compilation } = nextCompiled(random, coverage);
        const { packets } = selfTestPackets(compilation, form);
        for (let index = 0; index < 2 && count.mutants < MUTANTS; index++) {
          const mutant = mutantOf(compilation.program, form, random);
          if (mutant === undefined) break;
          const isFound = packets.some((packet) => interpret(mutant.program, packetOf(packet)) !== packet.verdict);
          const kind = byKind.get(mutant.kind) ?? { mutants: 0, found: 0 };
          byKind.set(mutant.kind, kind);
          for (const one of [count, kind]) {
            one.mutants++;
            if (isFound) one.found++;
          }
        }
      }
      const kinds = [...byKind].map(([kind, { mutants, found }]) => `${found} of ${mutants} with another ${kind}`);
      printFigures(
        seed,
        `self-test packets: found ${percent(count.found, count.mutants)} of ${count.mutants} mutants, ${kinds.join(', ')}`,
      );
      // Two of one program know of each other.
      expect(shareWithin(count.found / count.mutants, count.mutants / 2).most).toBeGreaterThanOrEqual(0.8);
    },
    60_000 * ROUNDS,
  );
});

suiteRequires('self-test packets for eBPF', { kernel: kernelForEbpf() }, ({ kernel }) => {
  const seed = seedOfRun();
  afterAll(() => kernel.close());

  it(
    `this kernel says what they expect (BPFLEET_TEST_SEED=${seed})`,
    () => {
      const random = new Random(seed);
      const coverage = newCoverage();
      const count = { expressions: 0, packets: 0 };
      while (count.expressions < EBPF_EXPRESSIONS) {
        const { text, form } = nextCompiled(random, coverage);
        if (form.live) continue;
        const { linkType } = form;
        const compilation = compileEbpf(text, { linkType, netmask: '255.255.255.0' });
        const { filter } = compilation;
        const encode = (descriptors: readonly number[]) => encodeEbpf(withDescriptors(filter.program, descriptors));
        const loaded = LoadedFilter.load({ maps: filter.maps, encode });
        kernel.attachEbpf(loaded.program);
        for (const { bytes, verdict } of selfTestPackets(compilation, { linkType }).packets) {
          const context = `seed ${seed}, ${form.name}: “${text}”, ${Buffer.from(bytes).toString('hex')}`;
          expect(kernel.verdict(bytes), context).toBe(Math.min(verdict, bytes.length));
          count.packets++;
        }
        loaded.close();
        count.expressions++;
      }
      printFigures(seed, `self-test packets for eBPF: ${count.packets} of ${count.expressions} expressions equal`);
    },
    60_000 * ROUNDS,
  );
});

function kernelForEbpf(): Requirement<KernelVerdicts> {
  return process.getuid?.() === 0 ? kernel() : { unavailable: 'loading eBPF needs root' };
}

const percent = (part: number, of: number) => `${((100 * part) / of).toFixed(1)} %`;

function nextCompiled(random: Random, coverage: ReturnType<typeof newCoverage>): Compiled {
  for (;;) {
    const { text, form } = randomExpression(random, coverage);
    const { linkType, live } = form;
    try {
      return { text, form, compilation: compile(text, { linkType, live, netmask: '255.255.255.0' }) };
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
    }
  }
}

function packetOf({ bytes, wireLength, metadata }: SelfTestPacket): Packet {
  const packet = { bytes, start: 0, capturedLength: bytes.length, wireLength };
  return metadata === undefined ? packet : { ...packet, metadata };
}
