import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type ApiClient, queryApi } from '@bpfleet/contract';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeFleet } from '../fakes/fake-fleet.js';
import { runCommand, type Surroundings } from '../fakes/fake-terminal.js';
import type { Terminal } from '../terminal.js';
import { receive, writeCapture } from './write-capture.js';

let fleet: FakeFleet;
let server: string;
let folder: string;
let file: string;
beforeEach(async () => {
  fleet = new FakeFleet();
  server = await fleet.start();
  folder = await mkdtemp(join(tmpdir(), 'bpfleet-cli-'));
  file = join(folder, 'x.pcapng');
});
afterEach(async () => {
  await fleet.stop();
  await rm(folder, { recursive: true });
});

const writing = (path = file, surroundings: Surroundings = {}, ...options: string[]) =>
  runCommand(['packets', 'tcp', '--server', server, '-w', path, ...options], surroundings);
const whole = { bytes: Buffer.from('packets') };
const broken = { bytes: Buffer.alloc(1000, 'p'), ends: 'broken' } as const;

describe('a capture file', () => {
  it('does not touch what stands beside it', async () => {
    await writeFile(`${file}.part`, 'another');
    fleet.capture = whole;
    expect(await writing()).toMatchObject({ code: 0 });
    expect(await readFile(`${file}.part`, 'utf8')).toBe('another');
    fleet.capture = broken;
    expect(await writing()).toMatchObject({ code: 1 });
    expect(await readdir(folder)).toEqual(['x.pcapng', 'x.pcapng.part']);
  });

  it('stays what it was when the answer breaks off, which says that nothing was kept', async () => {
    await writeFile(file, 'old');
    fleet.capture = broken;
    const { code, err } = await writing();
    expect(code).toBe(1);
    expect(err).toMatch(/^error: the server broke off .*\nhint: nothing was kept/);
    expect(await readdir(folder)).toEqual(['x.pcapng']);
    expect(await readFile(file, 'utf8')).toBe('old');
  });

  it('leaves nothing behind when it is interrupted', async () => {
    fleet.capture = { bytes: new Uint8Array(1000), ends: 'never' };
    const interrupt = new AbortController();
    const ended = writing(file, { signal: interrupt.signal });
    const sizes = async () => Promise.all((await readdir(folder)).map(async (name) => [name, await size(name)]));
    await vi.waitFor(async () => {
      expect(await sizes()).toEqual([[expect.stringMatching(/^\.bpfleet-[0-9a-f]{16}\.part$/), 1000]]);
    });
    interrupt.abort();
    expect(await ended).toMatchObject({ code: 130, err: '' });
    expect(await readdir(folder)).toEqual([]);
  });
  const size = async (name: string) => (await stat(join(folder, name))).size;

  it.each(['old', undefined])('is the one that a link names, which stays a link (there is: %s)', async (old) => {
    const place = join(folder, 'captures');
    await mkdir(place);
    if (old !== undefined) await writeFile(join(place, 'y.pcapng'), old);
    await symlink('captures/y.pcapng', join(folder, 'second'));
    await symlink(join(folder, 'second'), file);
    fleet.capture = whole;
    expect(await writing()).toMatchObject({ code: 0, err: expect.stringContaining(`7 bytes written to ${file}\n`) });
    expect(await readlink(file)).toBe(join(folder, 'second'));
    expect(await readFile(join(place, 'y.pcapng'), 'utf8')).toBe('packets');
    expect(await readdir(place)).toEqual(['y.pcapng']);
  });

  it('refuses links that lead back to themselves', async () => {
    await symlink('x.pcapng', file);
    fleet.capture = whole;
    const { code, err } = await writing();
    expect([code, err]).toEqual([1, expect.stringContaining(`error: cannot write ${file}: ELOOP`)]);
  });

  // Not the one that is written until it is whole: nobody named that.
  it('is named as it was asked for where it cannot be written', async () => {
    fleet.capture = whole;
    const noFolder = {
      code: 1,
      err: expect.stringMatching(/^error: cannot write \S*x\.pcapng: ENOENT: [^']*\nhint: its folder/),
    };
    await symlink('nowhere/y.pcapng', file);
    for (const path of [file, join(folder, 'nowhere/x.pcapng')]) expect(await writing(path)).toMatchObject(noFolder);
  });

  // Of the stream that fills it, whose errors name no file.
  it('is named where the disk is full, with what to do', async () => {
    const cause = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      ...{ code: 'ENOSPC', syscall: 'write', errno: -28 },
    });
    const full = new Writable({ write: (_chunk, _encoding, taken) => taken(cause) });
    const ended = receive(new Response('packets'), full, new AbortController().signal, { path: file });
    await expect(ended).rejects.toMatchObject({
      ...{ code: 'FILE_UNREADABLE', message: `cannot write ${file}: ENOSPC: no space left on device`, cause },
      hint: expect.stringMatching(/^free space/),
    });
  });

  it('lets go of an answer for which it cannot be opened', async () => {
    let isLetGo = false;
    const body = new ReadableStream({
      cancel: () => {
        isLetGo = true;
      },
    });
    const analytics = { send: async () => new Response(body) } as Partial<ApiClient> as ApiClient;
    const terminal = { signal: new AbortController().signal } as Terminal;
    const ended = writeCapture(join(folder, 'nowhere/x.pcapng'), {}, analytics, queryApi, terminal);
    await expect(ended).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    expect(isLetGo).toBe(true);
  });

  it.each([0o600, 0o666])('keeps the mode of the file that it replaces: %o', async (mode) => {
    await writeFile(file, 'old');
    await chmod(file, mode);
    fleet.capture = whole;
    expect(await writing()).toMatchObject({ code: 0 });
    expect([(await stat(file)).mode & 0o777, await readFile(file, 'utf8')]).toEqual([mode, 'packets']);
  });
});

describe('a capture that cannot be a file of its own', () => {
  const brokenOff = /^error: the server broke off .*\nhint: what was written is only the beginning/;

  it('goes into a pipe as it comes', async () => {
    execFileSync('mkfifo', [file]);
    fleet.capture = whole;
    const [read, { code }] = await Promise.all([readFile(file, 'utf8'), writing()]);
    expect([read, code]).toEqual(['packets', 0]);
    fleet.capture = broken;
    const [, { err }] = await Promise.all([readFile(file, 'utf8'), writing()]);
    expect(err).toMatch(brokenOff);
    expect(await readdir(folder)).toEqual(['x.pcapng']);
  });

  it('says of standard output, too, that what was written is not all', async () => {
    fleet.capture = broken;
    const { code, out, err } = await writing('-');
    expect({ code, length: out.length }).toEqual({ code: 1, length: 1000 });
    expect(err).toMatch(brokenOff);
  });

  it('writes all that came before the server broke off, however slowly it is taken', async () => {
    const parts = ['pack', 'ets'].map((part) => Buffer.from(part));
    const body = new ReadableStream({
      pull: (answer) => {
        const part = parts.shift();
        if (part) answer.enqueue(part);
        else answer.error(new TypeError('terminated'));
      },
    });
    const written: Buffer[] = [];
    const slow = new Writable({
      write: (chunk, _encoding, taken) => {
        written.push(chunk);
        setImmediate(taken);
      },
    });
    const ended = receive(new Response(body), slow, new AbortController().signal, { path: 'x.pcapng' });
    await expect(ended).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
    expect(Buffer.concat(written).toString()).toBe('packets');
  });

  it.skipIf(!existsSync('/dev/full')).each([[[]], [['--follow']]])(
    'is named where its device is full: %j',
    async (options) => {
      fleet.capture = whole;
      fleet.tails.push('packets');
      const { code, err } = await writing('/dev/full', {}, ...options);
      expect(code).toBe(1);
      expect(err).toMatch(/^error: cannot write \/dev\/full: ENOSPC: [^,]* \(FILE_UNREADABLE\)\nhint: free space/);
    },
  );

  // As /dev/stdout behind `>> FILE`.
  it.skipIf(process.platform !== 'linux').each([
    ['with an end', []],
    ['without one', ['--follow']],
  ])('goes behind what an open file holds already, %s', async (_, options) => {
    await writeFile(file, 'before ');
    const opened = await open(file, 'a');
    fleet.capture = whole;
    fleet.tails.push('packets');
    await writing(`/proc/self/fd/${opened.fd}`, {}, ...options);
    await opened.close();
    expect(await readFile(file, 'utf8')).toBe('before packets');
  });
});
