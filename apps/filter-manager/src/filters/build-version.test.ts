import { createHash } from 'node:crypto';
import { fromTuples, interpret } from '@bpfleet/bpf';
import { Bundle, type BundleProgram, bundleKind, fromBase64, NewFilterVersion, parsePayload } from '@bpfleet/contract';
import { describe, expect, it } from 'vitest';
import { PcapFilterCompiler } from '../compile/pcap-filter-compiler.js';
import { buildVersion } from './build-version.js';

const compiler = new PcapFilterCompiler();
const make = (wanted: Partial<NewFilterVersion> & { expression: string }, version = 1) => {
  const built = buildVersion('web', NewFilterVersion.parse(wanted), compiler)(version);
  return { ...built, content: parsePayload(bundleKind, built.bundle) };
};
const programOn = (bundle: Bundle, linkType: string): BundleProgram =>
  bundle.programs.find((program) => program.linkType === linkType)!;

/** What a classic program makes of its own packets, and what it should. */
function verdicts(program: BundleProgram): [got: number[], expected: number[]] {
  if (program.target !== 'cbpf') throw new Error('not a classic program');
  const instructions = fromTuples(program.instructions);
  const got = program.selfTest.map(({ bytes, wireLength, metadata }) => {
    const packet = fromBase64(bytes);
    const view = { bytes: packet, start: 0, capturedLength: packet.length, wireLength };
    const { networkOffset, ...rest } = metadata ?? {};
    const known = metadata && {
      ...(rest as typeof metadata),
      ...(networkOffset === undefined ? {} : { networkOffset }),
    };
    return interpret(instructions, known ? { ...view, metadata: known as never } : view);
  });
  return [got, program.selfTest.map(({ verdict }) => verdict)];
}

describe('a version', () => {
  it('is its bundle: what agents get has its digest, and says all of it', () => {
    const { bundle, digest, content, programs } = make({
      expression: 'tcp port 80',
      interfaces: ['eth*'],
      sampling: 5,
    });
    expect(digest).toBe(`sha256:${createHash('sha256').update(bundle).digest('hex')}`);
    expect(content).toMatchObject({
      ...{ filter: 'web', version: 1, expression: 'tcp port 80', interfaces: ['eth*'], direction: 'any', sampling: 5 },
      ...{ snaplenBytes: 128, budget: { packetsPerSecond: 0, bytesPerSecond: 0 }, compiler: 'pcap-filter 0.1.0' },
    });
    expect(content.programs.map(({ linkType }) => linkType)).toEqual(compiler.linkTypes);
    expect(programs).toEqual(content.programs.map(({ selfTest: _, ...program }) => program));
  });
  it('has another digest under another number, and the same when it is made again', () => {
    const one = make({ expression: 'tcp port 80' });
    expect(make({ expression: 'tcp port 80' }).digest).toBe(one.digest);
    expect(make({ expression: 'tcp port 80' }, 2).digest).not.toBe(one.digest);
  });
  it.each(['tcp port 80', 'vlan 5 and udp', 'inbound and icmp', ''])('has packets that try “%s”', (expression) => {
    for (const program of make({ expression }).content.programs) {
      const [got, expected] = verdicts(program);
      expect(got, program.linkType).toEqual(expected);
      expect(got.length).toBeGreaterThan(0);
      expect(got.length).toBeLessThanOrEqual(48);
    }
  });
  it('tests the direction in its programs, and keeps the expression as it was written', () => {
    const { content } = make({ expression: 'vlan 5 or udp', direction: 'inbound' });
    expect(content).toMatchObject({ expression: 'vlan 5 or udp', direction: 'inbound' });
    const types = (verdict: boolean) =>
      new Set(
        programOn(content, 'EN10MB')
          .selfTest.filter((packet) => packet.verdict > 0 === verdict && packet.metadata)
          .map(({ metadata }) => metadata!.packetType),
      );
    const OUTGOING = 4;
    expect(types(true).has(OUTGOING)).toBe(false);
    expect(types(false).has(OUTGOING)).toBe(true);
    expect(programOn(make({ expression: '', direction: 'outbound' }).content, 'RAW')).toMatchObject({ target: 'cbpf' });
  });
  it('has the place of a fault in the text that was sent, whatever stands around it', () => {
    const expression = 'udp and prot 5';
    const fault = (direction: 'any' | 'inbound') => {
      try {
        make({ expression, direction });
      } catch (error) {
        return error;
      }
    };
    expect(fault('any')).toMatchObject({ code: 'FILTER_SYNTAX', span: expect.anything() });
    expect((fault('inbound') as { span: unknown }).span).toEqual((fault('any') as { span: unknown }).span);
  });
  it('runs on the extended machine where the classic one has no room', () => {
    const hosts = Array.from({ length: 4500 }, (_, i) => `10.${i >> 8}.${i & 255}.${(i * 7) & 255}`);
    const { content } = make({ expression: `host in {${hosts}}` });
    const program = programOn(content, 'EN10MB');
    if (program.target !== 'ebpf') throw new Error('it has found room');
    expect(program.maps.map(({ kind, entries }) => ({ kind, entries }))).toContainEqual({
      kind: 'hash',
      entries: 4500,
    });
    expect(new Set(program.selfTest.map(({ verdict }) => verdict))).toEqual(new Set([0, 128]));
  });
});
