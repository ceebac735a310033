import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCommand } from './fakes/fake-terminal.js';

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

  it('refuses a misspelt variable, which would ask another server than was meant', async () => {
    const { code, err } = await runCommand(['filter', 'get'], { env: { BPFLEET_SEVER: 'http://elsewhere' } });
    expect(code).toBe(2);
    expect(err).toMatch(/BPFLEET_SEVER: nothing reads this variable[\s\S]*did you mean BPFLEET_SERVER/);
  });

  it('reports an interruption as shells do', async () => {
    const env = { BPFLEET_SERVER: 'http://127.0.0.1:1' };
    expect(await runCommand(['filter', 'get'], { signal: AbortSignal.abort(), env })).toMatchObject({
      code: 130,
      err: '',
    });
  });
});

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

  it('loads the contract only when a command needs it', () => {
    const loadsContract = (...args: string[]) =>
      /contract\/dist/.test(
        spawnSync(process.execPath, [script, ...args], {
          env: { ...process.env, NODE_DEBUG: 'esm' },
        }).stderr.toString(),
      );
    expect(loadsContract('filter', 'get', '--server', 'http://127.0.0.1:1')).toBe(true);
    expect(loadsContract('--help')).toBe(false);
  });
});
