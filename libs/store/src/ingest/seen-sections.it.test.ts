import { createDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { SectionRow } from '../rows.js';
import { analyticsDatabase } from '../testing/analytics-database.js';
import { after, batch, IngestRig, NOW_NS, section } from '../testing/ingest-rig.js';

suiteRequires(
  'IngestStore.commit, of sections that were seen',
  { postgres: await postgres() },
  ({ postgres: server }) => {
    let rig: IngestRig;
    beforeAll(async () => {
      rig = new IngestRig(await createDatabase(server.connection, analyticsDatabase));
    });
    afterAll(() => rig?.stop());
    beforeEach(() => rig.empty());

    it('drops what is sent again, and says what is new', async () => {
      const position = await rig.take();
      await rig.store.commit(batch(position, [section(0), section(1)]));
      const again = batch(after(position, 2n), [section(1, { offset: 2n }), section(2, { offset: 3n })]);
      const { fresh, ...result } = await rig.store.commit(again);
      expect(result).toEqual({ stored: 1, duplicates: 1, conflicts: 0, overlaps: 0, packets: 10 });
      expect(fresh.map(({ seq }) => seq)).toEqual([2]);
      expect(await rig.storedSeqs()).toEqual([0, 1, 2]);
    });

    it('remembers sections that retention has removed', async () => {
      const position = await rig.take();
      await rig.store.commit(batch(position, [section(0)]));
      await rig.pool.query('TRUNCATE analytics.section');
      expect(await rig.store.commit(batch(after(position, 1n), [section(0)]))).toMatchObject({
        stored: 0,
        duplicates: 1,
      });
    });

    it('keeps one growing range per agent and epoch, and the gaps', async () => {
      const position = await rig.take();
      await rig.store.commit(batch(position, [section(0), section(1), section(0, { epoch: 2 })]));
      await rig.store.commit(batch(after(position, 3n), [section(5), section(2), section(0, { agent: 'b' })]));
      expect(await rig.rows('SELECT agent, epoch, seqs FROM analytics.progress ORDER BY agent, epoch')).toEqual([
        { agent: 'a', epoch: '1', seqs: '{[0,3),[5,6)}' },
        { agent: 'a', epoch: '2', seqs: '{[0,1)}' },
        { agent: 'b', epoch: '1', seqs: '{[0,1)}' },
      ]);
    });

    const conflicts = () =>
      rig.rows('SELECT agent, epoch, kind, sections FROM analytics.identity_conflict ORDER BY 1, 2, 3');
    const quarantined = () =>
      rig.rows('SELECT log_offset, reason, detail, headers FROM analytics.quarantine ORDER BY log_offset');
    const signed = (seq: number, sessionKey: string, given: Partial<SectionRow> = {}) =>
      section(seq, { sessionKey, signature: { sig: `by ${sessionKey}`, key: `for ${sessionKey}` }, ...given });

    it('keeps aside what a second key of an epoch signed, and stores it no more than it forgets it', async () => {
      const position = await rig.take();
      await rig.store.commit(batch(position, [signed(0, 'A'), signed(1, 'A')]));
      const other = [signed(2, 'B', { offset: 2n }), signed(2, 'A', { offset: 3n }), signed(3, 'B', { offset: 4n })];
      const result = await rig.store.commit(batch(after(position, 2n), other));
      expect(result).toMatchObject({ stored: 1, duplicates: 0, conflicts: 2 });
      expect(await rig.storedSeqs()).toEqual([0, 1, 2]);
      expect(await quarantined()).toEqual([
        {
          ...{
            log_offset: '2',
            reason: 'identity-conflict',
            detail: 'a, epoch 1, sequence 2: another key signs this epoch',
          },
          headers: expect.objectContaining({
            fmt: '1',
            seq: '2',
            sig: 'by B',
            key: 'for B',
            filters: 'web@3',
            packets: '10',
          }),
        },
        expect.objectContaining({ log_offset: '4' }),
      ]);
      expect(await conflicts()).toEqual([{ agent: 'a', epoch: '1', kind: 'other-key', sections: '2' }]);
      // What was kept aside was not seen: the rightful section of its number is stored.
      expect(await rig.store.commit(batch(after(position, 5n), [signed(3, 'A', { offset: 5n })]))).toMatchObject({
        stored: 1,
      });
    });

    it('goes by the key that came first, also within one commit, and by each epoch', async () => {
      const position = await rig.take();
      const mixed = [
        signed(0, 'A', { offset: 0n }),
        signed(1, 'B', { offset: 1n }),
        signed(2, 'C', { offset: 2n }),
        signed(3, 'A', { offset: 3n }),
        signed(0, 'B', { offset: 4n, epoch: 2 }),
        signed(0, 'B', { offset: 5n, agent: 'b' }),
      ];
      expect(await rig.store.commit(batch(position, mixed))).toMatchObject({ stored: 4, conflicts: 2 });
      expect((await quarantined()).map((row) => (row as { log_offset: string }).log_offset)).toEqual(['1', '2']);
    });

    it('takes sections that nobody signed beside signed ones', async () => {
      const position = await rig.take();
      const first = [section(0), signed(1, 'A', { offset: 1n }), section(2)];
      expect(await rig.store.commit(batch(position, first))).toMatchObject({ stored: 3 });
      const then = [signed(3, 'B', { offset: 3n }), section(4), signed(5, 'A', { offset: 5n })];
      expect(await rig.store.commit(batch(after(position, 3n), then))).toMatchObject({ stored: 2, conflicts: 1 });
      expect(await rig.storedSeqs()).toEqual([0, 1, 2, 4, 5]);
    });

    it('stores what an older epoch captured beside a newer one, and flags its agent', async () => {
      const position = await rig.take();
      const old = (seq: number, atNs: bigint) => section(seq, { tsMinNs: atNs, tsMaxNs: atNs });
      await rig.store.commit(batch(position, [old(0, NOW_NS - 9n), section(0, { offset: 1n, epoch: 2 })]));
      const later = [old(1, NOW_NS + 1_000_000_000n), old(2, NOW_NS + 1_000_000_001n), old(3, NOW_NS + 5_000_000_000n)];
      const result = await rig.store.commit(
        batch(
          after(position, 2n),
          later.map((one, i) => ({ ...one, offset: 2n + BigInt(i) })),
        ),
      );
      expect(result).toMatchObject({ stored: 3, conflicts: 0, overlaps: 2 });
      expect(await conflicts()).toEqual([{ agent: 'a', epoch: '1', kind: 'overlap', sections: '2' }]);
      // Sent again it is no news.
      const again = later.map((one, i) => ({ ...one, offset: 5n + BigInt(i) }));
      expect(await rig.store.commit(batch(after(position, 5n), again))).toMatchObject({ duplicates: 3, overlaps: 0 });
    });

    it('sees both epochs also in one commit, and flags nobody for an epoch that just ended', async () => {
      const position = await rig.take();
      const both = [
        section(0, { epoch: 2 }),
        section(0, { offset: 1n, tsMinNs: NOW_NS + 2_000_000_000n, tsMaxNs: NOW_NS + 2_000_000_000n }),
        section(0, { offset: 2n, agent: 'b', epoch: 2 }),
        section(0, { offset: 3n, agent: 'b', tsMinNs: NOW_NS - 5n }),
      ];
      expect(await rig.store.commit(batch(position, both))).toMatchObject({ stored: 4, overlaps: 1 });
      expect(await conflicts()).toEqual([{ agent: 'a', epoch: '1', kind: 'overlap', sections: '1' }]);
    });

    it('keeps aside another section of the same identity', async () => {
      const position = await rig.take();
      await rig.store.commit(batch(position, [section(0)]));
      const forged = section(0, { offset: 1n, body: Buffer.from('forged') });
      expect(await rig.store.commit(batch(after(position, 1n), [forged]))).toMatchObject({ stored: 0, conflicts: 1 });
      expect(await rig.rows('SELECT * FROM analytics.quarantine')).toMatchObject([
        {
          ...{ reason: 'identity-conflict', log: 'log', partition: 0, log_offset: '1', agent: 'a', key: 'a' },
          ...{ ts_min: String(NOW_NS), headers: { agent: 'a', epoch: '1', seq: '0' }, body: Buffer.from('forged') },
        },
      ]);
      expect(await rig.storedSeqs()).toEqual([0]);
    });
  },
);
