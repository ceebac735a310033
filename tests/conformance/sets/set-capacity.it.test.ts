import { convertedLength, encodeProgram, MAX_INSTRUCTIONS, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { KernelVerdicts } from '@bpfleet/linux';
import { compile } from '@bpfleet/pcap-filter';
import { afterAll, expect, it } from 'vitest';
import { suiteRequires } from '../../environment/src/requirements.js';
import { printFigures } from '../figures.js';
import { Random, seedOfRun } from '../random.js';
import { dotted, ipv4Frame, randomAddresses } from './addresses.js';

const linux = process.platform === 'linux' ? { kernel: KernelVerdicts.open() } : { unavailable: 'not Linux' };
const FILLER = 0x0102_0304;

/** A way to ask for a list of addresses, and what must fit on a kernel's default limits. */
interface SetOfHosts {
  readonly head: string;
  readonly least: number;
  readonly fields: readonly ('source' | 'destination')[];
}

const SETS: readonly SetOfHosts[] = [
  { head: 'ip src host', least: 3500, fields: ['source'] },
  { head: 'ip dst host', least: 3500, fields: ['destination'] },
  { head: 'src host', least: 3500, fields: ['source'] },
  { head: 'ip host', least: 1700, fields: ['source', 'destination'] },
  { head: 'host', least: 1700, fields: ['source', 'destination'] },
];

suiteRequires('the largest sets', { linux }, ({ linux: { kernel } }) => {
  const seed = seedOfRun();
  afterAll(() => kernel.close());

  it.each(SETS)(`attach and answer rightly: $head in {…} (BPFLEET_TEST_SEED=${seed})`, ({ head, least, fields }) => {
    const random = new Random(seed);
    const addresses = randomAddresses(random, MAX_INSTRUCTIONS);
    const { count, program } = largestSet(kernel, head, addresses);
    kernel.attach(encodeProgram(program));
    const members = new Set(addresses.slice(0, count));
    let probes = 0;
    for (const address of probesOf(addresses, random)) {
      for (const field of fields) {
        const frame = ipv4Frame({ source: FILLER, destination: FILLER, [field]: address });
        const isFound = kernel.verdict(frame) > 0;
        // Only where it is wrong: a hundred thousand calls of expect would take longer than the kernel.
        if (isFound !== members.has(address)) expect([head, field, dotted(address), isFound]).toEqual([]);
        probes++;
      }
    }
    printFigures(
      seed,
      `${head} in {…}: ${count} addresses, ${program.length} instructions, ` +
        `${convertedLength(program)} once converted; ${probes} probes right`,
    );
    expect(count).toBeGreaterThanOrEqual(least);
  });
});

/** By halves: the most of the addresses that compile, and that this kernel takes. */
function largestSet(kernel: KernelVerdicts, head: string, addresses: readonly number[]) {
  let found: { count: number; program: Program } = { count: 0, program: [] };
  let tooMany = addresses.length + 1;
  while (tooMany - found.count > 1) {
    const count = (found.count + tooMany) >>> 1;
    const program = compiled(`${head} in {${addresses.slice(0, count).map(dotted).join(', ')}}`);
    if (program !== undefined && isTaken(kernel, program)) found = { count, program };
    else tooMany = count;
  }
  return found;
}

function compiled(expression: string): Program | undefined {
  try {
    return compile(expression).program;
  } catch (error) {
    if (error instanceof BpfleetError && error.code === 'FILTER_TOO_LARGE') return undefined;
    throw error;
  }
}

function isTaken(kernel: KernelVerdicts, program: Program): boolean {
  try {
    kernel.attach(encodeProgram(program));
    return true;
  } catch {
    return false;
  }
}

/** Each address, members and those left out, its neighbours, and as many random ones. */
function* probesOf(addresses: readonly number[], random: Random): Generator<number> {
  for (const address of addresses) {
    yield address;
    yield (address + 1) >>> 0;
    yield (address - 1) >>> 0;
    yield random.below(2 ** 32);
  }
}
