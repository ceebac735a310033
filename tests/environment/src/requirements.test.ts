import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const config = join(import.meta.dirname, '../fixtures/requirements/vitest.config.ts');

/** What became of each test of the fixture: its full name and state. */
async function run(promised: string): Promise<Record<string, string>> {
  const env: NodeJS.ProcessEnv = { ...process.env, BPFLEET_TEST_REQUIRED: promised };
  // A Vitest inside of Vitest would think that it is one of its workers.
  for (const name of Object.keys(env)) if (/^VITEST|^TEST$|^NODE_ENV$/.test(name)) delete env[name];
  const stdout = await new Promise<string>((resolve) => {
    execFile(process.execPath, [vitest, 'run', `--config=${config}`, '--reporter=json'], { env }, (_, out) =>
      resolve(out),
    );
  });
  const report = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
    testResults: { assertionResults: { fullName: string; status: string; failureMessages: string[] }[] }[];
  };
  return Object.fromEntries(
    report.testResults.flatMap(({ assertionResults }) =>
      assertionResults.map(({ fullName, status, failureMessages }) => [
        fullName,
        [status, ...failureMessages.map((message) => message.split('\n')[0])].join(': '),
      ]),
    ),
  );
}

// A Vitest takes seconds to start on a busy machine.
describe('suiteRequires', { timeout: 60_000 }, () => {
  it('skips a suite by the names of what is missing, without running its body', async () => {
    expect(await run('sun')).toEqual({
      'suite with all it needs gets what it asked for': 'passed',
      'suite without [skipped: no moon; no sea] runs where its needs are there': 'skipped',
    });
  });

  it('fails it where one of them was promised', async () => {
    expect(await run('sun,sea')).toMatchObject({
      'suite without has what it needs: moon, sea':
        'failed: Error: no moon; no sea, and BPFLEET_TEST_REQUIRED promises it',
    });
  });
});
