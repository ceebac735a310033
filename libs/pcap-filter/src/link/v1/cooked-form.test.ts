import { BPF, checkProgram, interpret, jump, type Packet, type PacketMetadata, statement } from '@bpfleet/bpf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from '../../compile.js';
import { selfTestPackets } from '../../self-test/self-test.js';
import { link } from '../link.js';
import { cookedForm } from './cooked-form.js';

const HEADER_BYTES = 20;

/** The packet as the kernel shows it: without its cooked header, whose fields are metadata. */
function withoutHeader({ bytes, metadata }: Pick<Packet, 'bytes' | 'metadata'>): Packet {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const told: PacketMetadata = {
    ...{ vlanTagPresent: false, vlanTci: 0, vlanProtocol: 0 },
    ...metadata,
    ...{ protocol: view.getUint16(0), interfaceIndex: view.getUint32(4), packetType: view.getUint8(10) },
  };
  const length = bytes.length - HEADER_BYTES;
  return { bytes, start: HEADER_BYTES, capturedLength: length, wireLength: length, metadata: told };
}

const whole = ({ bytes, metadata }: Pick<Packet, 'bytes' | 'metadata'>): Packet => ({
  ...{ bytes, start: 0, capturedLength: bytes.length, wireLength: bytes.length },
  ...(metadata ? { metadata } : {}),
});

const expressions = [
  'tcp port 443',
  'udp and host 192.0.2.1',
  'inbound and ip6',
  'outbound and icmp',
  'arp or (ip and ip[0] & 0xf > 5)',
  'less 60',
  'greater 100 and tcp[tcpflags] & tcp-syn != 0',
  'ip[6:2] & 0x1fff != 0',
  'portrange 1000-2000 or net 198.51.100.0/24',
];

describe('the cooked form', () => {
  it.each(expressions)('of “%s” accepts what the program accepts', (expression) => {
    const compilation = compile(expression, { linkType: 'LINUX_SLL2', live: true });
    const cooked = cookedForm(compilation.program);
    expect(checkProgram(cooked)).toBeUndefined();
    const { packets } = selfTestPackets(compilation, { linkType: 'LINUX_SLL2' });
    const long = packets.filter(({ bytes }) => bytes.length > HEADER_BYTES);
    expect(long.filter(({ verdict }) => verdict !== 0)).not.toEqual([]);
    for (const packet of long) expect(interpret(cooked, withoutHeader(packet))).toBe(packet.verdict);
  });

  it('of linked filters accepts what they accept, own traffic aside, in whatever packet', () => {
    const members = expressions.map((expression, index) => ({
      digest: `0${index}`,
      program: compile(expression, { linkType: 'LINUX_SLL2', live: true }).program,
      snaplenBytes: 96,
    }));
    const excluded = [{ address: '192.0.2.9', port: 9092 }];
    const request = { linkerVersion: 1, target: 'cbpf', linkType: 'LINUX_SLL2', members, excluded } as const;
    const plain = link(request).program;
    const cooked = link({ ...request, cooked: true }).program;
    const header = fc.tuple(fc.constantFrom([8, 0], [0x86, 0xdd], [8, 6]), fc.constantFrom(0, 1, 4));
    const rest = fc.tuple(fc.constantFrom(0x45, 0x46, 0x60), fc.uint8Array({ maxLength: 80 }));
    fc.assert(
      fc.property(header, rest, ([protocol, type], [first, body]) => {
        const head = [...protocol, 0, 0, 0, 0, 0, 7, 0, 1, type, 6, ...Array<number>(8).fill(1)];
        const packet = { bytes: Uint8Array.from([...head, first, ...body]) };
        expect(interpret(cooked, withoutHeader(packet))).toBe(interpret(plain, whole(packet)));
      }),
      { numRuns: 2000 },
    );
  });

  it('reaches as far as before when it grows over what a jump reaches', () => {
    const lengths = Array.from({ length: 200 }, () => statement(BPF.LD | BPF.LEN));
    const program = [jump(BPF.JMP | BPF.JEQ, 0, 201, 0), ...lengths, statement(BPF.RET | BPF.A), statement(BPF.RET, 5)];
    expect(interpret(cookedForm(program), withoutHeader({ bytes: new Uint8Array(60) }))).toBe(5);
  });

  it.each([
    ['a byte of the address', [statement(BPF.LD | BPF.B | BPF.ABS, 12), statement(BPF.RET | BPF.A)]],
    ['a half of the index', [statement(BPF.LD | BPF.H | BPF.ABS, 4), statement(BPF.RET | BPF.A)]],
    ['[x + k] from the header', [statement(BPF.LD | BPF.B | BPF.IND, 19), statement(BPF.RET | BPF.A)]],
  ])('refuses %s', (_, program) => {
    expect(() => cookedForm(program)).toThrow(expect.objectContaining({ code: 'FILTER_UNSUPPORTED' }));
  });

  it('is asked for on LINUX_SLL2 only', () => {
    const members = [{ digest: '01', program: [statement(BPF.RET, 1)], snaplenBytes: 96 }];
    const request = { linkerVersion: 1, target: 'cbpf', members, excluded: [], cooked: true } as const;
    expect(() => link({ ...request, linkType: 'EN10MB' })).toThrow(/no cooked form/);
  });
});
