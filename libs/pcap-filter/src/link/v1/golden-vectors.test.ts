import { readFileSync } from 'node:fs';
import { fromTuples, type Tuple } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { byInterface } from '../by-interface.js';
import { link } from '../link.js';

/** One input of the linker and what version 1 answers; programs are rows of numbers, as the kernel has them. */
interface Vector {
  readonly name: string;
  readonly linkType: string;
  readonly target: 'cbpf' | 'ebpf';
  readonly excluded: readonly { readonly address: string; readonly port: number }[];
  readonly members: readonly {
    readonly digest: string;
    readonly program: readonly Tuple[];
    readonly snaplenBytes: number;
    readonly includeOwnTraffic?: boolean;
  }[];
  readonly linked: {
    readonly digests: readonly string[];
    readonly acceptBytes: number;
    readonly program: readonly (readonly number[])[];
  };
}

const vectors: readonly Vector[] = JSON.parse(readFileSync(new URL('golden-vectors.json', import.meta.url), 'utf8'));

/**
 * Agents attest what their kernel runs by linking again, and the manager may be of another release. A difference here is never
 * put right in the file: what has to change becomes the next linker version.
 */
describe('link/v1, for ever', () => {
  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_, { members, linked, ...request }) => {
    const asPrograms = members.map((member) => ({ ...member, program: fromTuples(member.program) }));
    const { program, digests, acceptBytes } = link({ ...request, linkerVersion: 1, members: asPrograms });
    expect(program.map(rowOf)).toEqual(linked.program);
    expect({ digests, acceptBytes }).toEqual({ digests: linked.digests, acceptBytes: linked.acceptBytes });
  });
});

interface SharedVector {
  readonly name: string;
  readonly loopback?: number;
  readonly branches: readonly { readonly interfaces: readonly number[]; readonly program: readonly Tuple[] }[];
  readonly program: readonly Tuple[];
}
const file = new URL('golden-vectors-by-interface.json', import.meta.url);
const sharedVectors: readonly SharedVector[] = JSON.parse(readFileSync(file, 'utf8'));

describe('byInterface, with link/v1 for ever', () => {
  it.each(sharedVectors.map((vector) => [vector.name, vector] as const))('%s', (_, { branches, loopback, program }) => {
    const asPrograms = branches.map((branch) => ({ ...branch, program: fromTuples(branch.program) }));
    expect(byInterface(asPrograms, loopback).map(rowOf)).toEqual(program);
  });
});

function rowOf(instruction: ReturnType<typeof link>['program'][number]): number[] {
  if ('jt' in instruction) return [instruction.code, instruction.jt, instruction.jf, instruction.k];
  const { code, dst, src, off, imm } = instruction;
  return [code, dst, src, off, imm];
}
