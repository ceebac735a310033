import { BPF, statement, toTuples } from '@bpfleet/bpf';
import { type BundleProgram, type BundleTestPacket, toBase64 } from '@bpfleet/contract';
import { platform } from '@bpfleet/linux';
import { compile, compileEbpf, selfTestPackets } from '@bpfleet/pcap-filter';
import { expect, it } from 'vitest';
import { suiteRequires } from '../../../../tests/environment/src/requirements.js';
import { selfTest } from './self-test.js';

const here = platform();
const linux = here.ok ? {} : { unavailable: here.reason };
const root = process.getuid?.() === 0 ? {} : { unavailable: 'loading eBPF needs root' };

const classic = (expression: string, linkType = 'EN10MB'): BundleProgram => {
  const compilation = compile(expression, { live: true, linkType });
  const packets = selfTestPackets(compilation, { linkType }).packets;
  return {
    ...{ linkType, form: 'live', target: 'cbpf', instructions: toTuples(compilation.program) },
    selfTest: packets.map(({ bytes, ...packet }) => ({ ...packet, bytes: toBase64(bytes) })),
  };
};
const list = Array.from({ length: 2000 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
const extended = (): BundleProgram => {
  const { filter, stages } = compileEbpf('ip host in {@list}', { live: true, names: { sets: { list } } });
  return {
    ...{ linkType: 'EN10MB', form: 'live', target: 'ebpf' },
    instructions: filter.program
      .map(({ code, dst, src, off, imm }) => [code, dst, src, off, imm] as const)
      .map((one) => [...one]),
    maps: filter.maps.map((map) => ({ ...map, keys: toBase64(map.keys) })),
    selfTest: selfTestPackets({ stages }).packets.map(({ bytes, ...packet }) => ({
      ...packet,
      bytes: toBase64(bytes),
    })),
  };
};
const withPacket = (program: BundleProgram, packet: Partial<BundleTestPacket>): BundleProgram => ({
  ...program,
  selfTest: [
    ...program.selfTest,
    { bytes: toBase64(new Uint8Array(60)), wireLength: 60, verdict: 0, needsMetadata: false, ...packet },
  ],
});

suiteRequires('a self-test', { linux }, () => {
  it.each(['tcp port 80', 'ip6 and udp', 'host 192.0.2.1 or arp', 'less 100', 'vlan 7 and ip'])(
    'of “%s” passes',
    (expression) => {
      const { packets, inKernel, fault } = selfTest(classic(expression));
      expect(fault).toBeUndefined();
      expect(packets).toBeGreaterThan(1);
      expect(inKernel).toBeLessThanOrEqual(packets);
    },
  );

  it('counts the packets that this kernel has tried, apart from those that need metadata', () => {
    const { packets, inKernel } = selfTest(classic('ip or vlan 7'));
    expect([inKernel > 0, inKernel < packets]).toEqual([true, true]);
  });

  it.each<[string, () => BundleProgram, RegExp]>([
    [
      'a packet comes out otherwise',
      () => withPacket(classic('tcp'), { verdict: 5 }),
      /interpreter says 0, expected is 5/,
    ],
    [
      'the program is none',
      () => ({
        ...classic('tcp'),
        instructions: [
          [6, 0, 0, 1],
          [0xffff, 0, 0, 0],
        ],
      }),
      /instruction 1/,
    ],
    [
      'it jumps out of itself',
      () => ({
        ...classic('tcp'),
        instructions: [
          [5, 0, 0, 9],
          [6, 0, 0, 1],
        ],
      }),
      /instruction 0/,
    ],
    ['a packet is no base64', () => withPacket(classic('tcp'), { bytes: 'A' }), /base64/],
  ] as never)('fails when %s', (_: string, program: () => BundleProgram, fault: RegExp) => {
    expect(selfTest(program()).fault).toMatch(fault);
  });

  it('leaves a packet of no bytes to the interpreter', () => {
    const { packets, inKernel, fault } = selfTest(withPacket(classic('tcp'), { bytes: '', wireLength: 0 }));
    expect(fault).toBeUndefined();
    expect(packets - inKernel).toBe(1);
  });

  it('goes by what all three machines agree on, also where libpcap does not: 1 << 33 is 2', () => {
    const shift = [
      statement(BPF.LD | BPF.IMM, 1),
      statement(BPF.LDX | BPF.IMM, 33),
      statement(BPF.ALU | BPF.LSH | BPF.X),
      statement(BPF.RET | BPF.A),
    ];
    const program: BundleProgram = { ...classic('tcp'), instructions: toTuples(shift), selfTest: [] } as BundleProgram;
    expect(selfTest(withPacket(program, { verdict: 2 })).fault).toBeUndefined();
    expect(selfTest(withPacket(program, { verdict: 0 })).fault).toMatch(/interpreter says 2/);
  });
});

suiteRequires('a self-test of eBPF', { linux, root }, () => {
  it('runs in this kernel, maps and all', () => {
    const program = extended();
    const { packets, inKernel, fault } = selfTest(program);
    expect(fault).toBeUndefined();
    expect(inKernel).toBe(packets);
    expect(program.selfTest.some(({ verdict }) => verdict > 0)).toBe(true);
  });
  it('fails when a packet comes out otherwise', () => {
    expect(selfTest(withPacket(extended(), { verdict: 60 })).fault).toMatch(/the kernel says 0, expected is 60/);
  });
  it('fails when the kernel does not load it', () => {
    const program = { ...extended(), instructions: [[0x95, 0, 0, 0, 0]] } as BundleProgram;
    expect(selfTest(program).fault).toMatch(/does not load/);
  });
});
