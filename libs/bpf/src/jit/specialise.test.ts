import { describe, expect, it } from 'vitest';
import { assemble } from '../forms/assemble.js';
import { flowGraph } from './flow-graph.js';
import { packetKinds } from './packet-kinds.js';
import { specialise } from './specialise.js';
import { bodyOf } from './structure.js';

const [tcp] = packetKinds;
const codeOf = (text: string): string[] => {
  const blocks = specialise(flowGraph(assemble(text)), tcp!);
  return bodyOf(blocks, { leastBytes: tcp!.leastBytes, words: new Map() })!.split('\n');
};

describe('a program for one kind of packets', () => {
  it('asks only what the kind does not decide', () => {
    const port80 = `ldh [12]
      jeq #0x800, ip, no
      ip: ldb [23]
      jeq #6, tcp, no
      tcp: ldh [20]
      jset #0x1fff, no, first
      first: ldxb 4*([14]&0xf)
      ldh [x+14]
      jeq #80, yes, other
      other: ldh [x+16]
      jeq #80, yes, no
      yes: ret #96
      no: ret #0`;
    const code = codeOf(port80);
    expect(code.join(' ')).toContain('bytes[at + 34] << 8 | bytes[at + 34 + 1]');
    expect(code.join(' ')).not.toMatch(/at \+ (12|14|20|23)|captured|load\(/);
  });

  it.each([
    ['is never, where the kind says so', 'ldh [12]\njeq #0x86dd, yes, no\nyes: ret #1\nno: ret #0', ['return 0;']],
    [
      'knows words that are shifted and masked',
      'ld [12]\nrsh #16\njeq #0x800, yes, no\nyes: ret #1\nno: ret #0',
      ['return 1;'],
    ],
    [
      'takes metadata for whole numbers, whatever the size of the load',
      'ldb [proto]\njeq #0x800, yes, no\nyes: ret #1\nno: ret #0',
      null,
    ],
    ['keeps a load that ends the program when it is outside', 'ld [60]\nret #1', null],
    [
      'does not know where ways meet that differ',
      'ldb [30]\njeq #1, one, two\none: ld #5\nja meet\ntwo: ld #6\nmeet: jeq #5, yes, no\nyes: ret #1\nno: ret #0',
      null,
    ],
  ])('%s', (_, text, expected) => {
    const code = codeOf(text);
    if (expected) expect(code).toEqual(expected);
    else expect(code.join(' ')).toMatch(/captured < 64|a === 5|a \^= 5|a \^= 2048/);
  });
});
