import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordingFinding } from './recording-finding.js';

const WHOLE = fileURLToPath(new URL('../../../../tests/fixtures/first-five-minutes.pcap', import.meta.url));

describe('a capture file as doctor finds it', () => {
  let file: string;
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-doctor-'));
    file = join(folder, 'traffic.pcap');
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const found = async (bytes: Uint8Array) => {
    writeFileSync(file, bytes);
    return recordingFinding(file);
  };

  it('is whole, with so many packets', async () => {
    expect(await recordingFinding(WHOLE)).toMatchObject({
      state: 'ok',
      detail: expect.stringMatching(/: \d+ packets$/),
    });
  });

  it('is cut, and replayed up to there', async () => {
    expect(await found(readFileSync(WHOLE).subarray(0, -7))).toMatchObject({
      ...{
        state: 'warning',
        detail: expect.stringContaining('packets before it are replayed'),
        advice: expect.any(String),
      },
    });
  });

  it('is none, or is not there', async () => {
    expect(await found(Buffer.from('no capture file'))).toMatchObject({
      ...{
        state: 'no',
        detail: expect.stringContaining('neither pcap nor pcapng'),
        advice: expect.stringContaining('editcap'),
      },
    });
    expect(await recordingFinding('/nonexist')).toMatchObject({
      ...{ name: 'BPFLEET_AGENT_PCAP', state: 'no', detail: expect.stringContaining('/nonexist') },
    });
  });
});
