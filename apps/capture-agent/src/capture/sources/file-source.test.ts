import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DesireAnswer } from '../../border/opener-port.js';
import { readRecording } from '../read-recording.js';
import { FileSource } from './file-source.js';

it('says of a capture file without packets that its replay is over', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bpfleet-replay-'));
  const file = join(folder, 'empty.pcap');
  // pcap's header alone: magic, version 2.4, snaplen, Ethernet.
  writeFileSync(file, Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'));
  const options = { speed: 'full', times: 'recorded', repeat: false } as const;
  const source = new FileSource(await readRecording(file), options);
  const over = await new Promise<unknown>((ended, fatal) => {
    const run = { agent: 'host-1', epoch: 1, spoolFolder: folder, firstSegment: 1, boot: 1, bootTimeOriginMs: 0 };
    const origin = { hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet' };
    const ignore = () => {};
    const events = { spooled: ignore, refused: ignore, stepped: ignore, fatal, ended };
    const desired = { generation: 1, settings: { flushWindowMs: 10 }, members: [], outcomes: [] };
    void source
      .start({ ...run, ...origin, ledgerBefore: {} }, events)
      .then(() => source.apply(desired as unknown as DesireAnswer));
  });
  expect(over).toMatchObject({ file, packets: 0, matched: 0 });
  await source.stop();
  rmSync(folder, { recursive: true });
});
