import { BPF, jump, type Program, statement } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { whole } from '../packets/packets.js';
import { wordsUsed } from './words.js';

const set = (k: number) => statement(BPF.LD | BPF.IMM, k);
const store = (word: number) => statement(BPF.ST, word);
const fetch = (word: number) => statement(BPF.LD | BPF.MEM, word);
const fetchX = (word: number) => statement(BPF.LDX | BPF.MEM, word);
const is = (k: number, jt = 0, jf = 0) => jump(BPF.JMP | BPF.JEQ, k, jt, jf);
const accept = statement(BPF.RET, 1);
/** What `gen_geneve_offsets` writes: the option length, and the stores around it. */
const geneve: Program = [
  ...[store(1), set(0)],
  ...[statement(BPF.ALU | BPF.AND, 0x3f), statement(BPF.ALU | BPF.MUL, 4), statement(BPF.ALU | BPF.ADD, 8)],
  ...[store(2), fetchX(2), store(3)],
];

const usedBy = (...program: Program) => {
  const use = wordsUsed([...program, accept], whole(new Uint8Array(20)));
  return Object.entries(use).flatMap(([name, isSo]) => (isSo ? [name] : []));
};

describe('wordsUsed', () => {
  it.each<[string, Program, readonly string[]]>([
    ['a calculation that reads what it kept', [set(5), store(0), fetch(0), is(5)], []],
    ['an offset that is read behind a question', [set(5), store(0), set(1), is(1), fetchX(0)], []],
    [
      'a calculation’s number that is read as an offset',
      [set(5), store(0), fetch(0), is(5), fetchX(0)],
      ['readsCalculation'],
    ],
    [
      'an offset filled before a calculation used its word',
      [set(1), store(0), is(1), set(5), store(0), fetch(0), is(5), fetchX(0)],
      ['readsCalculation'],
    ],
    [
      'an offset filled again behind a calculation',
      [set(5), store(0), fetch(0), is(5), set(1), store(0), is(1), fetchX(0)],
      [],
    ],
    ['a tunnel’s offsets, which it reads itself too', [...geneve, is(9), fetchX(2)], ['findsTunnel']],
    [
      'a tunnel’s word that it fills again on another of its ways',
      [...geneve, is(9, 1, 1), store(1), fetchX(1)],
      ['findsTunnel'],
    ],
    [
      'a tunnel’s word that was filled before, the tunnel not being found',
      [set(24), store(3), is(1, geneve.length, geneve.length), ...geneve, fetchX(3)],
      ['readsUnfilled'],
    ],
    [
      'a word of no tunnel, the tunnel not being found',
      [set(24), store(7), is(1, geneve.length, geneve.length), ...geneve, fetchX(7)],
      [],
    ],
    [
      'an offset that is led past padding',
      [set(38), statement(BPF.ALU | BPF.ADD, 3), statement(BPF.ALU | BPF.AND, 0xffff_fffc), store(0)],
      ['alignsPayload'],
    ],
    ['a load outside the packet', [statement(BPF.LD | BPF.B | BPF.ABS, 99)], ['endsOutside']],
    ['a tunnel’s word that is read in front of it', [set(24), store(3), is(1), fetchX(3), ...geneve], ['findsTunnel']],
  ])('tells of %s', (_, program, expected) => {
    expect(usedBy(...program)).toEqual(expected);
  });
});
