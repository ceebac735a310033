import {
  Ancillary,
  BPF,
  checkProgram,
  interpret,
  jump,
  type Packet,
  type Program,
  SKF_AD_OFF,
  SKF_NET_OFF,
  statement,
} from '@bpfleet/bpf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from '../compile.js';
import { type LinkMember, type LinkRequest, link } from './link.js';

const ldb = (k: number) => statement(BPF.LD | BPF.B | BPF.ABS, k);
const ldbx = (k: number) => statement(BPF.LD | BPF.B | BPF.IND, k);
const ldx = (k: number) => statement(BPF.LDX | BPF.IMM, k);
const ld = (k: number) => statement(BPF.LD | BPF.IMM, k);
const msh = (k: number) => statement(BPF.LDX | BPF.B | BPF.MSH, k);
const [tax, txa] = [statement(BPF.MISC | BPF.TAX), statement(BPF.MISC | BPF.TXA)];
const returnA = statement(BPF.RET | BPF.A);
const returns = (k: number) => statement(BPF.RET | BPF.K, k);
const divX = statement(BPF.ALU | BPF.DIV | BPF.X);
const isA = (k: number) => jump(BPF.JMP | BPF.JEQ, k, 0, 1);
const only = (...body: Program) => [...body, returns(1), returns(0)];

const member = (digest: string, program: Program, more: Partial<LinkMember> = {}): LinkMember => ({
  digest,
  program,
  snaplenBytes: 96,
  ...more,
});
const linked = (members: readonly LinkMember[], more: Partial<LinkRequest> = {}) =>
  link({ linkerVersion: 1, linkType: 'EN10MB', members, excluded: [], ...more, target: 'cbpf' });
const accepts = (members: readonly LinkMember[], packet: Packet) => interpret(linked(members).program, packet) !== 0;
const packetOf = (...bytes: number[]): Packet => {
  const length = bytes.length;
  return { bytes: Uint8Array.from(bytes), start: 0, capturedLength: length, wireLength: length };
};
const counting = (length: number) => packetOf(...Array.from({ length }, (_, index) => index));

describe('link', () => {
  const acceptsFour = only(statement(BPF.LD | BPF.LEN), isA(4));

  it.each<[string, Program]>([
    ['a return of 0', [returns(0)]],
    ['a return of A = 0', [ldb(0), returnA]],
    ['a load outside the packet', [ldb(4), returns(1)]],
    ['a load partly outside', [statement(BPF.LD | BPF.W | BPF.ABS, 1), returns(1)]],
    ['a header length outside', [msh(4), returns(1)]],
    ['a header length outside, with A in use', [ldb(1), msh(4), returnA]],
    ['[x + k] outside', [ldb(1), tax, ldbx(3), returns(1)]],
    ['[x + k] outside, k alone already', [ldb(1), tax, ldbx(9), returns(1)]],
    ['[x + k] outside, before the first byte', [ldb(1), tax, ldbx(-2), returns(1)]],
    ['an offset of 2^31', [ldx(0x7fff_ffff), ldbx(1), returns(1)]],
    ['a load where no header is', [ldb(0x8000_0000), returns(1)]],
    ['a division by X = 0', [ldb(0), tax, ldb(1), divX, returns(1)]],
    ['a remainder of X = 0', [ldb(0), tax, ldb(1), statement(BPF.ALU | BPF.MOD | BPF.X), returns(1)]],
    ['a division by 0, known beforehand', [ld(5), divX, returns(1)]],
  ])('goes on to the next member after %s', (_, no) => {
    expect(interpret(no, counting(4))).toBe(0);
    expect(accepts([member('01', no), member('02', acceptsFour)], counting(4))).toBe(true);
    expect(accepts([member('01', no)], counting(4))).toBe(false);
  });

  it.each<[string, Program]>([
    ['[x + k] that wraps to the first byte', [ldb(1), tax, ldbx(-1), isA(0)]],
    ['X behind [x + k]', [ldb(1), tax, ldbx(-1), txa, isA(1)]],
    ['A behind a header length', [ldb(3), msh(2), isA(3)]],
    ['a division', [ldb(1), tax, ldb(3), divX, isA(3)]],
    ['a division where A and X have no bit in common', [ldb(1), tax, ldb(2), divX, isA(2)]],
    [
      'A xor X, which is 0 at the start',
      [statement(BPF.LD | BPF.W | BPF.ABS, SKF_AD_OFF + Ancillary.ALU_XOR_X), isA(0)],
    ],
    ['A and X that are 0 at the start', [statement(BPF.ALU | BPF.ADD | BPF.X), isA(0)]],
  ])('keeps %s behind another member', (_, body) => {
    const before = [ldb(2), tax, ldb(3), ...only(isA(77))];
    expect(accepts([member('01', before), member('02', only(...body))], counting(4))).toBe(true);
  });

  it('needs no word of M[] where a member uses all sixteen', () => {
    const words = Array.from({ length: 16 }, (_, word) => word);
    const program = [
      ldb(1),
      ...words.map((word) => statement(BPF.ST, word)),
      tax,
      ldb(3),
      divX,
      ...words.flatMap((word) => [statement(BPF.LDX | BPF.MEM, word), statement(BPF.ALU | BPF.ADD | BPF.X)]),
      ...only(isA(19)),
    ];
    const result = linked([member('01', [ldb(9), returns(1)]), member('02', program)]).program;
    expect(checkProgram(result)).toBeUndefined();
    expect(interpret(result, counting(4))).toBe(96);
    expect(interpret(result, packetOf(0, 0, 2, 3))).toBe(0);
  });

  it('accepts what one of any two members accepts', () => {
    fc.assert(
      fc.property(anyProgram(), anyProgram(), fc.uint8Array({ maxLength: 12 }), (one, other, bytes) => {
        const packet = packetOf(...bytes);
        const { program } = linked([member('01', one), member('02', other)]);
        expect(checkProgram(program)).toBeUndefined();
        expect(interpret(program, packet) !== 0).toBe([one, other].some((each) => interpret(each, packet) !== 0));
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on the order of members and endpoints', () => {
    const expressions = ['tcp port 443', 'host 10.0.0.1', 'udp', 'ip6', 'ip[8] < 5'];
    const members = expressions.map((expression, index) => member(`0${index}`, compile(expression).program));
    const excluded = ['10.0.0.1', '10.0.0.2', '2001:db8::1', '::ffff:10.0.0.3'].map((address) => ({
      address,
      port: 9092,
    }));
    const reversed = { excluded: excluded.toReversed() };
    expect(linked(members.toReversed(), reversed)).toEqual(linked(members, { excluded }));
  });

  it('joins members of one digest, and refuses two programs of one digest', () => {
    const udp = compile('udp').program;
    const twice = [member('0a', udp, { snaplenBytes: 60 }), member('0A', udp, { snaplenBytes: 200 })];
    expect(linked(twice)).toEqual(linked([member('0a', udp, { snaplenBytes: 200 })]));
    expect(() => linked([member('0a', udp), member('0a', [returns(1)])])).toThrowError(
      expect.objectContaining({ code: 'REQUEST_INVALID' }),
    );
  });

  it('loads what members share once', () => {
    const members = [80, 443, 8080].map((port) => member(`${port}`, compile(`tcp port ${port}`).program));
    const loads = linked(members).program.filter(({ code, k }) => code === (BPF.LD | BPF.H | BPF.ABS) && k === 12);
    expect(loads).toHaveLength(1);
  });

  it('shares nothing in words that a member uses', () => {
    const words = Array.from({ length: 16 }, (_, word) => word);
    const usesAll = [
      ldb(0),
      ...words.map((word) => statement(BPF.ST, word)),
      ldb(1),
      ...words.flatMap((word) => [statement(BPF.LDX | BPF.MEM, word), statement(BPF.ALU | BPF.ADD | BPF.X)]),
      ...only(isA(161)),
    ];
    const others = ['01', '03'].map((digest) => member(digest, only(ldb(1), isA(77))));
    expect(accepts([...others, member('02', usesAll)], packetOf(10, 1))).toBe(true);
  });

  it('accepts nothing without members, and everything with one that does', () => {
    expect(interpret(linked([]).program, counting(4))).toBe(0);
    expect(
      interpret(linked([member('02', [returns(1)]), member('01', [ldb(9), returns(1)])]).program, counting(1)),
    ).toBe(96);
  });
});

describe('what a linked program returns', () => {
  it.each<[string, Program, number]>([
    ['the largest snaplen', [returns(1)], 96],
    ['what a member reads at a fixed place', only(ldb(200), isA(1)), 201],
    ['what it reads behind a header', only(msh(120), ldbx(120), isA(1)), 181],
    [
      'all where an offset may be anything',
      only(statement(BPF.LD | BPF.W | BPF.ABS, 0), tax, ldbx(0), isA(1)),
      0xffff_ffff,
    ],
  ])('is %s', (_, program, acceptBytes) => {
    expect(linked([member('01', program), member('02', [returns(7)], { snaplenBytes: 64 })]).acceptBytes).toBe(
      acceptBytes,
    );
  });
});

describe('own traffic', () => {
  const excluded = [{ address: '10.0.0.5', port: 9092 }];
  const all = member('01', [returns(1)]);
  const frame = (port: number, options = 0) => {
    const bytes = new Array<number>(54 + options).fill(0);
    bytes[12] = 8;
    bytes[14] = 0x45 + options / 4;
    bytes[23] = 6;
    bytes.splice(26, 4, 10, 0, 0, 5);
    bytes.splice(34 + options, 2, port >> 8, port & 0xff);
    return packetOf(...bytes);
  };

  it('is refused, also behind IP options', () => {
    const { program } = linked([all], { excluded });
    expect([frame(9092), frame(9092, 8), frame(9093), counting(36)].map((each) => interpret(program, each))).toEqual([
      0, 0, 96, 96,
    ]);
  });
  it('reaches members that include it', () => {
    const own = member('02', compile('tcp').program, { includeOwnTraffic: true });
    expect(interpret(linked([all, own], { excluded }).program, frame(9092))).toBe(96);
    const none = member('02', compile('udp').program, { includeOwnTraffic: true });
    expect(interpret(linked([all, none], { excluded }).program, frame(9092))).toBe(0);
  });
  it('is refused where members before have found out all that makes it so', () => {
    const ipv6 = [{ address: '2001:db8::1', port: 9092 }];
    const source = 'ip6 and tcp and src host 2001:db8::1 and src port 9092 and ip6[7] = 9';
    const own = member('02', compile(source).program, { includeOwnTraffic: true });
    const bytes = new Array<number>(74).fill(0);
    bytes.splice(12, 2, 0x86, 0xdd);
    bytes[20] = 6;
    bytes.splice(22, 4, 0x20, 0x01, 0x0d, 0xb8);
    bytes[37] = 1;
    bytes.splice(54, 2, 9092 >> 8, 9092 & 0xff);
    const verdict = (hopLimit: number) =>
      interpret(linked([all, own], { excluded: ipv6 }).program, packetOf(...bytes.with(21, hopLimit)));
    expect([verdict(9), verdict(8)]).toEqual([96, 0]);
  });
  it('is kept far enough to be told again, where only some members include it', () => {
    const short = (includeOwnTraffic: boolean) => member('02', [returns(1)], { snaplenBytes: 10, includeOwnTraffic });
    const other = member('01', [returns(1)], { snaplenBytes: 10 });
    const kept = (members: LinkMember[]) => linked(members, { excluded }).acceptBytes;
    // 14 bytes of Ethernet, at most 60 of IPv4, 4 of ports.
    expect([kept([other, short(true)]), kept([other, short(false)])]).toEqual([78, 10]);
  });
  it('cannot be told on a link type whose network header has no fixed place', () => {
    expect(() => linked([all], { excluded, linkType: 'IEEE802_11' })).toThrowError(
      expect.objectContaining({ code: 'FILTER_UNSUPPORTED' }),
    );
    expect(() => linked([all], { linkType: 'IEEE802_11' })).not.toThrow();
  });
});

describe('what is not linked', () => {
  it('is for an unknown linker', () => {
    const request = { linkType: 'EN10MB', members: [], excluded: [] };
    expect(() => link({ ...request, linkerVersion: 2, target: 'cbpf' })).toThrowError(
      expect.objectContaining({ code: 'FILTER_UNSUPPORTED' }),
    );
  });
  it('is a program the kernel refuses', () => {
    expect(() => linked([member('01', [tax])])).toThrowError(expect.objectContaining({ code: 'PROGRAM_INVALID' }));
  });
  it('is a load relative to a header', () => {
    expect(() => linked([member('01', [ldb(SKF_NET_OFF), returnA])])).toThrowError(
      expect.objectContaining({
        code: 'FILTER_UNSUPPORTED',
        message: expect.stringMatching(/^member 01: a load relative/),
      }),
    );
  });
  it('is more than a classic program may have, though eBPF would fit', () => {
    const long = (from: number) =>
      Array.from({ length: 2500 }, (_, index) => [
        statement(BPF.LD | BPF.LEN),
        isA(from + 2 * index),
        returns(1),
      ]).flat();
    const members = [1, 2].map((from) => member(`0${from}`, [...long(from).slice(0, 4000), returns(0)]));
    expect(() => linked(members)).toThrowError(
      expect.objectContaining({
        code: 'FILTER_TOO_LARGE',
        message: expect.stringMatching(/\d+ more than a classic one may have/),
        hint: expect.stringMatching(/as eBPF it would fit/),
      }),
    );
    const request = { linkerVersion: 1, linkType: 'EN10MB', excluded: [] };
    expect(link({ ...request, members, target: 'ebpf' }).program.length).toBeGreaterThan(4096);
  });
});

/** Short programs that the kernel takes, of every kind of instruction, on packets of a few bytes. */
function anyProgram(): fc.Arbitrary<Program> {
  const codes = [
    ...[BPF.W, BPF.H, BPF.B].flatMap((size) => [BPF.LD | size | BPF.ABS, BPF.LD | size | BPF.IND]),
    ...[BPF.LD | BPF.LEN, BPF.LD | BPF.IMM, BPF.LDX | BPF.IMM, BPF.LDX | BPF.LEN, BPF.LDX | BPF.B | BPF.MSH],
    ...[BPF.ST, BPF.STX, BPF.LD | BPF.MEM, BPF.LDX | BPF.MEM, BPF.MISC | BPF.TAX, BPF.MISC | BPF.TXA],
    ...[BPF.ADD, BPF.SUB, BPF.DIV, BPF.MOD, BPF.AND, BPF.RSH].map((operation) => BPF.ALU | operation | BPF.X),
    ...[BPF.JEQ, BPF.JGT, BPF.JGE, BPF.JSET].flatMap((test) => [BPF.JMP | test | BPF.K, BPF.JMP | test | BPF.X]),
    ...[BPF.RET | BPF.K, BPF.RET | BPF.A],
  ];
  const instruction = fc.record({
    code: fc.constantFrom(...codes),
    jt: fc.nat(3),
    jf: fc.nat(3),
    k: fc.oneof(fc.nat(12), fc.nat(2), fc.constantFrom(0xffff_ffff, 0xffff_fff8, 0x7fff_ffff)),
  });
  const isHeader = ({ code, k }: Program[number]) => k >= 0x8000_0000 && (code & 0xe0) !== BPF.IND;
  return fc
    .array(instruction, { maxLength: 10 })
    .map((body) => [...body, returnA])
    .filter((program) => checkProgram(program) === undefined && !program.some(isHeader));
}
