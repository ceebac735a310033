import { BpfleetError } from '@bpfleet/errors';
import { LinkType } from '@bpfleet/packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../capture-file/capture-file-reader.js';
import type { ExportedPacket } from './exported-packet.js';
import { writePcapHeader, writePcapPacket } from './pcap-export.js';
import { PcapngExport } from './pcapng-export.js';

const stored = fc
  .record({
    atNs: fc.bigInt(0n, 2n ** 32n * 10n ** 9n - 1n),
    bytes: fc.uint8Array({ maxLength: 80 }),
    start: fc.nat(9),
    cut: fc.nat(99),
  })
  .map(({ atNs, bytes, start, cut }) => {
    const section = new Uint8Array(start + bytes.length + 5).fill(0xee);
    section.set(bytes, start);
    const packet: ExportedPacket = { atNs, start, capturedLength: bytes.length, wireLength: bytes.length + cut };
    return { bytes, section, packet };
  });
const join = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const shown = (file: Uint8Array) =>
  [...readCapture(file)].map(({ atNs, linkType, bytes, wireLength, interfaceName }) => ({
    atNs,
    linkType,
    bytes: [...bytes],
    wireLength,
    interfaceName,
  }));

describe('exports', () => {
  it('write pcap with ns times that reads back', () => {
    fc.assert(
      fc.property(fc.array(stored, { maxLength: 9 }), (all) => {
        const file = join([
          writePcapHeader(276),
          ...all.map(({ section, packet }) => writePcapPacket(section, packet)),
        ]);
        expect(shown(file)).toEqual(
          all.map(({ bytes, packet: { atNs, wireLength } }) => ({
            atNs,
            linkType: 276,
            bytes: [...bytes],
            wireLength,
            interfaceName: undefined,
          })),
        );
      }),
    );
  });

  it('write pcapng with interfaces added as they are met', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(stored, fc.constantFrom('eth0', 'eth1', 'eth2')), { maxLength: 9 }), (all) => {
        const out = new PcapngExport({ application: 'bpfleet' });
        const ids = new Map([['eth0', 0]]);
        const parts = [out.header([{ name: 'eth0', linkType: LinkType.EN10MB, description: 'web@3' }])];
        for (const [{ section, packet }, name] of all) {
          if (!ids.has(name)) {
            const { id, block } = out.addInterface({ name, linkType: LinkType.EN10MB });
            ids.set(name, id);
            parts.push(block);
          }
          parts.push(out.packet(ids.get(name)!, section, packet));
        }
        expect(shown(join(parts))).toEqual(
          all.map(
            ([
              {
                bytes,
                packet: { atNs, wireLength },
              },
              interfaceName,
            ]) => ({ atNs, linkType: 1, bytes: [...bytes], wireLength, interfaceName }),
          ),
        );
      }),
    );
  });

  it('refuse a second link type, and take it when asked to mix', () => {
    const cooked = { name: 'any', linkType: LinkType.LINUX_SLL };
    const ethernet = { name: 'eth0', linkType: LinkType.EN10MB };
    const strict = new PcapngExport();
    strict.header([ethernet]);
    expect(() => strict.addInterface(cooked)).toThrow(BpfleetError);
    expect(() => strict.addInterface(cooked)).toThrow('EN10MB and LINUX_SLL');
    const mixed = new PcapngExport({ mixed: true });
    mixed.header([ethernet]);
    expect(mixed.addInterface(cooked).id).toBe(1);
  });
});
