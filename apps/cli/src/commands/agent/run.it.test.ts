import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const BPFLEET = fileURLToPath(new URL('../../../bin/bpfleet.js', import.meta.url));

describe('agent run', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-run-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What a person sees on the terminal, and the exit code. */
  const runs = (...args: string[]) => runsWith({}, ...args);
  const runsWith = (variables: Readonly<Record<string, string>>, ...args: string[]) =>
    new Promise<{ code: unknown; err: string }>((resolve) => {
      const env = { ...process.env, BPFLEET_AGENT_STATE_DIR: join(folder, 'state'), ...variables };
      const command = [BPFLEET, 'agent', 'run', ...args];
      execFile(process.execPath, command, { env }, (error, _, err) => resolve({ code: error?.code ?? 0, err }));
    });

  it('says once, with a code of its own, what is wrong with what was typed', async () => {
    const empty = join(folder, 'empty.pcap');
    writeFileSync(empty, '');
    const [missing, corrupt, speed] = await Promise.all([
      runs('--pcap', '/nowhere.pcap'),
      runs('--pcap', empty),
      runs('--pcap', empty, '--speed', 'fast'),
    ]);
    expect(missing.code).toBe(1);
    expect(missing.err).toMatch(
      /^error: cannot read the capture file \/nowhere.pcap: .* \(FILE_UNREADABLE\)\nhint: .*\n$/,
    );
    expect(corrupt.code).toBe(1);
    expect(corrupt.err).toMatch(/^error: .*empty\.pcap: .* \(CAPTURE_FILE_CORRUPT\)\nhint: .*\n$/);
    expect(speed.code).toBe(2);
    expect(speed.err).toMatch(
      /^error: .*\n {2}BPFLEET_AGENT_PCAP_SPEED: is recorded, full, or .* \(CONFIG_INVALID\)\nhint: .*\n$/,
    );
  });

  it('leaves a folder alone that holds something else', async () => {
    const others = join(folder, 'others');
    const mode = () => statSync(others).mode & 0o7777;
    mkdirSync(others);
    chmodSync(others, 0o1777);
    writeFileSync(join(others, 'notes'), '');
    for (const variable of ['BPFLEET_AGENT_STATE_DIR', 'BPFLEET_AGENT_SPOOL_DIR']) {
      const { code, err } = await runsWith({ [variable]: others });
      expect([code, err]).toEqual([
        1,
        expect.stringMatching(/holds other files \(notes\), and no data.*\(DATA_FOREIGN\)/),
      ]);
      expect(err).toContain(variable);
    }
    expect([mode(), readdirSync(others)]).toEqual([0o1777, ['notes']]);
  });

  it('refuses a source beside a capture file, which it would not use', async () => {
    const file = fileURLToPath(new URL('../../../../../tests/fixtures/first-five-minutes.pcap', import.meta.url));
    const [typed, configured] = await Promise.all([
      runs('--source', 'cap', '--pcap', file),
      runsWith({ BPFLEET_AGENT_SOURCE: 'cap' }, '--pcap', file),
    ]);
    expect(typed.code).toBe(2);
    expect(typed.err).toMatch(
      /^error: option '--source <source>' cannot be used with option '--pcap <file>' \(REQUEST_INVALID\)/,
    );
    expect(configured.code).toBe(2);
    expect(configured.err).toMatch(
      /BPFLEET_AGENT_SOURCE: .*BPFLEET_AGENT_PCAP.*leave one of the two out.* \(CONFIG_INVALID\)\nhint: .*\n$/,
    );
  });
});
