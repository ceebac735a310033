import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeFleet } from '../fakes/fake-fleet.js';
import { runCommand } from '../fakes/fake-terminal.js';

let fleet: FakeFleet;
let server: string;
let folder: string;
beforeEach(async () => {
  fleet = new FakeFleet();
  server = await fleet.start();
  folder = await mkdtemp(join(tmpdir(), 'bpfleet-import-'));
});
afterEach(async () => {
  await fleet.stop();
  await rm(folder, { recursive: true });
});

const importing = (path: string) => runCommand(['import', path, '--server', server]);

describe('import', () => {
  it('sends the file as it is, with its digest and its name', async () => {
    const path = join(folder, 'old.pcap');
    const bytes = Buffer.alloc(200_000, 'packet');
    await writeFile(path, bytes);
    fleet.imported = {
      agent: 'import-1',
      firstPacketAt: '2019-04-01T00:00:00Z',
      lastPacketAt: '2019-04-01T00:00:09Z',
      packets: 9,
      skipped: 1,
      sections: 4,
      stored: 3,
    };
    const { code, out, err } = await importing(path);
    expect(code).toBe(0);
    const digest = createHash('sha256').update(bytes).digest('hex');
    expect(fleet.requests).toEqual([`POST /api/v1/imports?digest=sha256:${digest}&name=old.pcap`]);
    expect(fleet.uploads.map((upload) => upload.equals(bytes))).toEqual([true]);
    expect(out).toContain('bpfleet packets --agent import-1 --since 2019-04-01T00:00:00Z\n');
    expect(err).toBe('3 of 4 sections stored; 1 were stored before; 1 packets fit into no section\n');
  });

  it('prints an end behind the last packet where that is later than now, which a query ends with', async () => {
    const path = join(folder, 'clock-ahead.pcap');
    await writeFile(path, 'packets');
    const times = { firstPacketAt: '2019-04-01T00:00:00Z', lastPacketAt: '2029-04-01T00:00:00.999999999Z' };
    fleet.imported = { agent: 'import-1', ...times, packets: 9, skipped: 0, sections: 1, stored: 1 };
    const { out } = await importing(path);
    expect(out).toContain(' --since 2019-04-01T00:00:00Z --until 2029-04-01T00:00:01.000000000Z\n');
  });

  it.each([
    ['there are none', 0],
    ['none fits into a section', 3],
  ])('names no command that would find its packets where %s', async (_, skipped) => {
    const path = join(folder, 'nothing.pcap');
    await writeFile(path, 'packets');
    fleet.imported = { agent: 'import-1', packets: skipped, skipped, sections: 0, stored: 0 };
    const { code, out } = await importing(path);
    expect([code, out]).toEqual([0, `0 packets of ${path}\n`]);
  });

  it('says where a file ends inside a record, and ends as one that did not do all', async () => {
    const path = join(folder, 'cut.pcap');
    await writeFile(path, 'packets');
    const damage = 'capture file, byte 900: the file ends after 12 of 76 bytes of a record';
    fleet.imported = { agent: 'import-1', packets: 9, skipped: 0, sections: 1, stored: 1, damage };
    const { code, err } = await importing(path);
    expect([code, err]).toEqual([1, `1 of 1 sections stored\nincomplete: ${damage}\n`]);
  });

  it('cuts a name that is too long, and refuses what cannot be read twice', async () => {
    const path = join(folder, `${'n'.repeat(250)}.pcap`);
    await writeFile(path, 'packets');
    fleet.imported = { agent: 'import-1', packets: 1, skipped: 0, sections: 1, stored: 1 };
    expect((await importing(path)).code).toBe(0);
    expect(fleet.requests[0]).toMatch(/&name=n{200}$/);
    const { code, err } = await importing('/dev/null');
    expect(code).toBe(2);
    expect(err).toContain('into a file first');
    expect(fleet.requests).toHaveLength(1);
  });

  it('says which file cannot be read', async () => {
    const { code, err } = await importing(join(folder, 'nothing.pcap'));
    expect(code).toBe(2);
    expect(err).toContain('there is no file');
    expect(fleet.requests).toEqual([]);
  });
});
