import { BPF, checkProgram, interpret, type Program, statement } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { assemble } from './assemble.js';
import { Listing } from './listing.js';

/** `length` tests of A for 0, 1, 2 …, each of which goes to `yes` where it holds; then `ret #1`; at `yes` stands `ret a`. */
function tests(length: number, withRelays: boolean): Program {
  const listing = new Listing();
  const yes = listing.newLabel();
  listing.plain(BPF.LD | BPF.B | BPF.ABS, 0);
  for (let k = 0; k < length; k++) {
    const next = listing.newLabel();
    listing.branch(BPF.JEQ, k, yes, next);
    if (withRelays && k % 100 === 0) listing.relay(yes);
    listing.place(next);
  }
  listing.plain(BPF.RET | BPF.K, 1000);
  listing.place(yes);
  listing.plain(BPF.RET | BPF.A);
  return assemble(listing.lines);
}

const packetOf = (byte: number) => ({ bytes: Uint8Array.of(byte), start: 0, capturedLength: 1, wireLength: 1 });

describe('assemble', () => {
  it('goes by way of a ja to what is too far for a conditional jump', () => {
    const program = tests(600, false);
    expect(checkProgram(program)).toBeUndefined();
    expect([1, 254, 255].map((byte) => interpret(program, packetOf(byte)))).toEqual([1, 254, 255]);
    expect(program.filter(({ code }) => code === (BPF.JMP | BPF.JA)).length).toBeLessThan(5);
  });

  it.each([253, 254, 255, 256])('reaches both ways behind %s instructions', (count) => {
    const listing = new Listing();
    const [yes, no] = [listing.newLabel(), listing.newLabel()];
    listing.plain(BPF.LD | BPF.B | BPF.ABS, 0);
    listing.branch(BPF.JEQ, 7, yes, no);
    for (let index = 0; index < count; index++) listing.plain(BPF.LD | BPF.LEN);
    listing.place(no);
    listing.plain(BPF.RET | BPF.K, 1);
    listing.place(yes);
    listing.plain(BPF.RET | BPF.K, 2);
    const program = assemble(listing.lines);
    expect([7, 8].map((byte) => interpret(program, packetOf(byte)))).toEqual([2, 1]);
    expect(program.every(({ jt, jf }) => Math.max(jt, jf) < 256)).toBe(true);
  });

  it('has no ja over more than 1,600 instructions where relays stand on the way', () => {
    const program = tests(3500, true);
    const distances = program.filter(({ code }) => code === (BPF.JMP | BPF.JA)).map(({ k }) => k);
    expect(Math.max(...distances)).toBeLessThanOrEqual(1600);
    expect([0, 1, 200].map((byte) => interpret(program, packetOf(byte)))).toEqual([0, 1, 200]);
  });

  it('writes no jump to what comes next', () => {
    const listing = new Listing();
    const next = listing.newLabel();
    listing.go(next);
    listing.place(next);
    listing.branch(BPF.JEQ, 1, next + 1, next + 1);
    listing.place(next + 1);
    listing.plain(BPF.RET | BPF.K, 1);
    expect(assemble(listing.lines)).toEqual([statement(BPF.RET | BPF.K, 1)]);
  });
});
