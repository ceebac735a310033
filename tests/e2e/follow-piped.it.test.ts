import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { freePorts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { commands, hostsHere } from './requirements.js';
import { startStandalone, withFolder } from './standalone-process.js';

const CLI = new URL('../../apps/cli/dist/main.js', import.meta.url).pathname;
const needs = { root: await hostsHere(), tools: commands('bash', 'tshark', 'head') };

suiteRequires('bpfleet packets --follow in a pipe', needs, () => {
  let standalone: ReturnType<typeof startStandalone>;
  let start: () => Promise<void>;
  let server: string;
  let finished: () => void;
  let folder: Promise<void>;
  let shell: ChildProcess | undefined;

  beforeAll(async () => {
    const [port] = await freePorts(1);
    server = `http://127.0.0.1:${port}`;
    const ready = new Promise<void>((resolve, reject) => {
      folder = withFolder(async (dataDir) => {
        start = async () => {
          // Its demo makes traffic on loopback all the time.
          standalone = startStandalone({ dataDir, port: port! });
          await standalone.until('the first answer', () => standalone.stdout.includes('Push:'));
        };
        start().then(resolve, reject);
        await new Promise<void>((resolve) => {
          finished = resolve;
        });
      });
    });
    await ready;
  });
  afterEach(() => {
    if (shell?.exitCode === null && shell.signalCode === null) process.kill(-shell.pid!, 'SIGKILL');
  });
  afterAll(async () => {
    await standalone?.end();
    finished?.();
    await folder;
  });

  /** As a person types it, in a process group of its own, which Ctrl-C reaches as a whole. Behind it: the exit codes. */
  function type(options: string, reader: string) {
    const follow = `"${process.execPath}" "${CLI}" packets udp --follow --since -10m ${options}`;
    const line = `trap : INT; ${follow} 2>&3 | ${reader} 2>&4; echo "exit codes \${PIPESTATUS[*]}"`;
    shell = spawn('bash', ['-c', line], {
      stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, BPFLEET_SERVER: server },
      detached: true,
    });
    const [complaints, ofReader] = [3, 4].map((fd) => text(shell!.stdio[fd] as Readable));
    return { lines: createInterface({ input: shell.stdout! })[Symbol.asyncIterator](), complaints, ofReader };
  }

  it('shows the past and then what comes in tshark, while it runs, and ends with Ctrl-C', async () => {
    const startS = Date.now() / 1000;
    const { lines, complaints, ofReader } = type('-w -', 'tshark -l -n -r - -T fields -e frame.time_epoch -e udp.port');
    const times: number[] = [];
    const shown = new Set<string>();
    while (!times.some((time) => time >= startS) || times[0]! >= startS) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`it ended: ${await complaints}`);
      const [time, ports] = String(value).split('\t');
      times.push(Number(time));
      shown.add(`${value}`);
      expect(ports).toMatch(/^\d+,\d+$/);
    }
    expect(shown.size).toBe(times.length);
    process.kill(-shell!.pid!, 'SIGINT');
    let last = '';
    for (let next = await lines.next(); !next.done; next = await lines.next()) last = next.value;
    // What tshark itself answers to Ctrl-C is its own: 0 or 2. The file that it read was whole.
    expect({ last, complaints: await complaints }).toEqual({
      ...{ last: expect.stringMatching(/^exit codes 0 [02]$/), complaints: '' },
    });
    expect(await ofReader).not.toContain('cut short');
  });

  it.each([
    ['a capture', '-w -', 'head -c 24 | od -An -tx1 -N4', '0a 0d 0d 0a'],
    ['rows', '', 'head -1 | cut -c1-2', '20'],
    ['JSON', '-o json', 'head -1 | cut -c1-6', '{"id":'],
  ])('ends without a word when the reader of %s has enough', async (_, options, reader, first) => {
    const { lines, complaints } = type(options, reader);
    const all: string[] = [];
    for (let next = await lines.next(); !next.done; next = await lines.next()) all.push(next.value.trim());
    await once(shell!, 'close').catch(() => undefined);
    expect({ all, complaints: await complaints }).toEqual({ all: [first, 'exit codes 0 0 0'], complaints: '' });
  });

  it('goes on with the packets of the next process when bpfleet is started again', async () => {
    const { lines, complaints } = type('', 'cat');
    const untilLater = async (thanMs: number): Promise<void> => {
      for (let atMs = 0; atMs <= thanMs; ) {
        const { value, done } = await lines.next();
        if (done || value.startsWith('exit codes')) throw new Error(`it ended: ${value} ${await complaints}`);
        atMs = Date.parse(value.split(' ', 1)[0]!);
      }
    };
    await untilLater(0);
    await standalone.end();
    await start();
    await untilLater(Date.now());
    process.kill(-shell!.pid!, 'SIGINT');
    expect(await complaints).toMatch(/^(the connection broke; going on where it was\n)+$/);
  });
});
