import { readSection, SectionWriter } from '@bpfleet/section';
import { describe, expect, it } from 'vitest';
import { noAmount } from '../../spool/amount.js';
import { type LeftSection, OpenSection, type ToldFigures } from './open-section.js';
import { type LastRecord, recoverSection } from './recover-section.js';

const origin = { hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet' };
const facts = { agent: 'host-1', boot: 1, closedAtMs: 0 };
const last: LastRecord = { seq: 6, closed: { sections: 7, packets: 40 }, spooled: { sections: 7, packets: 40 } };

/** A process of epoch 9 was killed in its section 7. */
function killed({
  taken,
  packets = 0,
  dropped = 0,
  told,
}: {
  taken: number;
  packets?: number;
  dropped?: number;
  told: ToldFigures;
}) {
  const open = new OpenSection(new ArrayBuffer(OpenSection.sizeBytes(32_768)));
  open.take(9);
  const section = new SectionWriter({ ...origin, capacityBytes: 32_768, buffer: open.buffer });
  section.begin();
  open.begin(7, section.endBytes, told);
  if (packets > 0) section.addInterface({ name: 'eth0', linkType: 1, description: 'web@3' });
  for (let n = 0; n < packets; n++) section.append(0, 1_700_000_000, 0, new Uint8Array(60), 0, 60, 60, undefined, 0);
  open.enter(1, 1, 0, taken);
  open.commit(section.endBytes, 0);
  open.read(1_700_000_001_000);
  open.leftOut({ dropped, sampledOut: taken - told.kept - packets, overBudget: 0 });
  return open.left() as LeftSection;
}

describe('a section that is recovered', () => {
  const told = { kept: 40, taken: 40, dropped: 0 };

  it('tells what was kept of all that was taken, so that what was sampled out is not missing', () => {
    const { record, kept, lost } = recoverSection(killed({ taken: 600, packets: 2, told }), last, origin, facts);
    expect({ kept, lost }).toEqual({ kept: 42, lost: 0 });
    expect(record!.header).toMatchObject({ epoch: 9, seq: 7, packets: 2, closed: { sections: 8, packets: 42 } });
    expect(readSection(record!.bytes).ledger).toMatchObject({ captured: '600', kept: '42', 'sampled-out': '558' });
  });

  it.each([
    ['were sampled out', { taken: 639, dropped: 0 }],
    ['the kernel dropped', { taken: 40, dropped: 5 }],
  ])('has no packet where none was left, and the figures of those that %s', (_, figures) => {
    const { record, kept } = recoverSection(killed({ ...figures, told }), last, origin, facts);
    expect(kept).toBe(40);
    expect(record!.header).toMatchObject({ seq: 7, packets: 0, tsMinNs: 1_700_000_001_000_000_000n });
    const { captured, 'kernel-dropped': dropped } = readSection(record!.bytes).ledger!;
    expect([captured, dropped]).toEqual([String(figures.taken), String(figures.dropped)]);
  });

  it('is none where all is told, or the spool has it', () => {
    expect(recoverSection(killed({ taken: 40, told }), last, origin, facts)).toEqual({
      ...{ record: undefined, captured: 40, kept: 40, lost: 0, damaged: noAmount },
    });
    const isThere = { ...last!, seq: 7, closed: { sections: 8, packets: 42 } };
    expect(recoverSection(killed({ taken: 600, packets: 2, told }), isThere, origin, facts)).toMatchObject({
      record: undefined,
      kept: 42,
    });
  });

  it('loses of one that cannot be read no more than its blocks have room for', () => {
    const left = { ...killed({ taken: 1_000_000, packets: 2, told }), blocks: new Uint8Array(100).fill(0xff) };
    expect(recoverSection(left, last, origin, facts)).toMatchObject({
      record: undefined,
      captured: 43,
      kept: 40,
      lost: 3,
    });
  });

  it('has what is lost in no figures of its epoch: read and in no section is what a filter left out', () => {
    const left = { ...killed({ taken: 42, packets: 2, dropped: 5, told }), blocks: new Uint8Array(100).fill(0xff) };
    const { record, lost } = recoverSection(left, last, origin, facts);
    expect(lost).toBe(2);
    expect(readSection(record!.bytes).ledger).toMatchObject({ captured: '40', kept: '40', 'kernel-dropped': '5' });
  });

  it('loses of one that cannot be read no more than was taken since the section before', () => {
    const left = killed({ taken: 600, packets: 2, told: { kept: 40, taken: 598, dropped: 0 } });
    left.blocks.fill(0xff, 40);
    const { record, kept, lost, damaged } = recoverSection(left, last, origin, facts);
    expect({ record, kept, lost }).toEqual({ record: undefined, kept: 40, lost: 2 });
    expect(damaged).toEqual({ sections: 1, packets: 0, bytes: left.blocks.length });
  });
});
