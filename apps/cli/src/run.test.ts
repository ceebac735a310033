import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCommand } from './fakes/fake-terminal.js';
import { run } from './run.js';
import type { OutputStream } from './terminal.js';

describe('bpfleet', () => {
  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect(await runCommand(['--version'])).toMatchObject({ code: 0, out: `${version}\n` });
  });

  it('lists the commands in its help', async () => {
    const { code, out } = await runCommand(['--help']);
    expect(code).toBe(0);
    for (const command of ['filter', 'agent', 'packets', 'compile']) expect(out).toContain(`  ${command}`);
  });

  it.each([[[]], [['filter']], [['nonsense']], [['filter', 'aply', 'web']], [['filter', 'delete']]])(
    'answers %j as wrong usage',
    async (args) => {
      const { code, out, err } = await runCommand(args);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).not.toBe('');
    },
  );

  it('guesses what was meant', async () => {
    expect((await runCommand(['filter', 'aply', 'web'])).err).toContain('Did you mean apply?');
  });

  it.each([
    ['an unknown option', ['compile', '--optimise', 'ip'], 'REQUEST_INVALID'],
    ['an option without its value', ['compile', '-y'], 'REQUEST_INVALID'],
    ['a value that is none', ['compile', '-s', 'x', 'ip'], 'REQUEST_INVALID'],
    ['a choice that is none', ['match', '--backend', 'wasm', 'ip'], 'REQUEST_INVALID'],
    ['options that do not go together', ['compile', '-d', '--json', 'ip'], 'REQUEST_INVALID'],
    ['an unknown command', ['complie'], 'REQUEST_INVALID'],
    ['an unknown link type', ['compile', '-y', 'FOO', 'ip'], 'FILTER_UNSUPPORTED'],
    ['a file that is not there', ['check', '/nowhere'], 'REQUEST_INVALID'],
    ['a program that is none', ['check', '-'], 'PROGRAM_INVALID'],
  ])('names the code of %s in the first line', async (_, args, code) => {
    const { code: exit, out, err } = await runCommand(args);
    expect({ exit, out }).toEqual({ exit: 2, out: '' });
    expect(err.split('\n')[0]).toMatch(new RegExp(`^error: .+ \\(${code}\\)$`));
  });

  it.each([
    ['a program', ['compile', 'ip']],
    ['answers of a batch', ['compile', '--batch']],
    ['its help', ['compile', '--help']],
  ])('says that the disk is full when it cannot print %s', async (_, args) => {
    expect(await printingInto('ENOSPC', args)).toEqual({
      code: 1,
      err: 'error: the output cannot be written: there is no space left on its device (SYSTEM_CALL)\n',
    });
  });

  it('says whatever else the output refuses, and nothing when its reader went away', async () => {
    const { code, err } = await printingInto('EIO', ['compile', 'ip']);
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('cannot be written: EIO') });
    expect(await printingInto('EPIPE', ['compile', 'ip'])).toEqual({ code: 0, err: '' });
    expect(await printingInto('EPIPE', ['--help'])).toEqual({ code: 0, err: '' });
  });

  it('refuses a misspelt variable, which would ask another server than was meant', async () => {
    const { code, err } = await runCommand(['filter', 'get'], { env: { BPFLEET_SEVER: 'http://elsewhere' } });
    expect(code).toBe(2);
    expect(err).toMatch(/BPFLEET_SEVER: nothing reads this variable[\s\S]*did you mean BPFLEET_SERVER/);
  });

  it('refuses an address with a path, which no call would keep', async () => {
    const { code, err } = await runCommand(['filter', 'get', '--server', 'http://127.0.0.1:1/bpfleet']);
    expect(code).toBe(2);
    expect(err).toContain('"http://127.0.0.1:1/bpfleet" is not the address of a server');
  });

  it('reports an interruption as shells do', async () => {
    const env = { BPFLEET_SERVER: 'http://127.0.0.1:1' };
    expect(await runCommand(['filter', 'get'], { signal: AbortSignal.abort(), env })).toMatchObject({
      code: 130,
      err: '',
    });
  });
});

/** Runs a command line whose output refuses every write with this error. */
async function printingInto(code: string, args: readonly string[]): Promise<{ code: number; err: string }> {
  const out = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(`${code}: write`), { code, syscall: 'write' })),
  });
  out.on('error', () => undefined);
  let err = '';
  const errors = new Writable({
    write: (chunk, _encoding, done) => {
      err += String(chunk);
      done();
    },
  });
  const exit = await run(args, {
    input: Readable.from(['{"expr":"ip"}']),
    out: out as OutputStream,
    err: errors as OutputStream,
    env: {},
    now: () => 0,
    signal: new AbortController().signal,
  });
  return { code: exit, err };
}

const script = fileURLToPath(new URL('../bin/bpfleet.js', import.meta.url));
const built = existsSync(new URL('../dist/main.js', import.meta.url));

describe.skipIf(!built)('the built program (npm run build)', () => {
  it('ends quietly when its reader goes away', () => {
    const { stderr, status } = spawnSync('bash', [
      '-c',
      `set -o pipefail; node ${script} compile -d 'tcp port 80' | true`,
    ]);
    expect(stderr.toString()).toBe('');
    expect(status).toBe(0);
  });

  it.skipIf(!existsSync('/dev/full'))('says that the disk is full', () => {
    const run = (...args: string[]) =>
      spawnSync('bash', ['-c', `exec node ${script} "$@" > /dev/full`, 'bash', ...args], { input: '{"expr":"ip"}\n' });
    for (const args of [['compile', 'ip'], ['compile', '--batch'], ['--help']]) {
      const { status, stderr } = run(...args);
      expect({ status, stderr: stderr.toString() }).toEqual({
        status: 1,
        stderr: 'error: the output cannot be written: there is no space left on its device (SYSTEM_CALL)\n',
      });
    }
  });

  it('loads the contract only when a command needs it', () => {
    const loadsContract = (...args: string[]) =>
      /contract\/dist/.test(
        spawnSync(process.execPath, [script, ...args], {
          // Variables of ours make it look for misspelt ones, which takes more than the commands do.
          env: { PATH: process.env.PATH, NODE_DEBUG: 'esm' },
          // It says much.
          maxBuffer: 1 << 26,
        }).stderr.toString(),
      );
    expect(loadsContract('filter', 'get', '--server', 'http://127.0.0.1:1')).toBe(true);
    expect(loadsContract('--help')).toBe(false);
  });
});
