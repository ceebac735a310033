import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Random, seededRandom } from '@bpfleet/test-environment/live-traffic';
import { median } from '../alternate.js';
import { judged, type MeasuredRow } from '../benchmark.js';

const BPFLEET = fileURLToPath(new URL('../../../../apps/cli/bin/bpfleet.js', import.meta.url));
const STARTS = 9;
const EXPRESSIONS = 10_000;
const OUTPUT_BYTES = 1 << 28;

export const cliWorkload =
  'command line: “bpfleet compile tcp” from start to end of the process; batches: 10,000 different expressions of three ' +
  'terms, matched with two packets of 60 bytes each, the time from start to the last answer';

/** How long the commands take, as a script that calls them sees it. */
export function measureCommandLine(bench: string, seed: number): MeasuredRow[] {
  const starts = Array.from({ length: STARTS }, () => timed(['compile', 'tcp']).ms);
  const expressions = expressionsOf(seededRandom(seed));
  const packets = [{ data: frame(6) }, { data: frame(17) }];
  const compiling = batch(
    'compile',
    expressions.map((expr, id) => ({ id, expr })),
  );
  const matching = batch(
    'match',
    expressions.map((expr, id) => ({ id, expr, packets })),
  );
  const common = { bench, peer: null, better: 'less' } as const;
  const batchRow = (command: string, seconds: number) => {
    const row = `${EXPRESSIONS.toLocaleString('en-US')} expressions, ${command} --batch`;
    const spread = [seconds, seconds] as const;
    return judged({
      ...common,
      row,
      unit: 's',
      value: seconds,
      ratio: seconds,
      spread,
      n: EXPRESSIONS,
      bar: 10,
      goal: 3,
    });
  };
  const ms = median(starts);
  const spread = [Math.min(...starts), Math.max(...starts)] as const;
  return [
    judged({
      ...common,
      row: 'bpfleet compile tcp',
      unit: 'ms',
      value: ms,
      ratio: ms,
      spread,
      n: STARTS,
      bar: 300,
      goal: 200,
    }),
    batchRow('compile', compiling),
    batchRow('match', matching),
  ];
}

/** @throws Error when a command fails: its time would be no figure */
function timed(args: readonly string[], input = ''): { ms: number; out: string } {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [BPFLEET, ...args], {
    ...{ input, encoding: 'utf8', maxBuffer: OUTPUT_BYTES },
  });
  const ms = performance.now() - start;
  if (status !== 0) throw new Error(`bpfleet ${args.join(' ')} ended with ${status}: ${stderr}`);
  return { ms, out: stdout };
}

/** In seconds. */
function batch(command: string, requests: readonly object[]): number {
  const { ms, out } = timed([command, '--batch'], requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
  const answers = out.trimEnd().split('\n');
  const failed = answers.find((answer) => answer.includes('"error"'));
  if (failed !== undefined || answers.length !== requests.length) {
    throw new Error(`${command} --batch gave ${answers.length} answers, ${failed ?? 'too few'}`);
  }
  return ms / 1000;
}

function expressionsOf(random: Random): readonly string[] {
  const below = (limit: number) => Math.floor(random() * limit);
  const address = () => `10.${below(256)}.${below(256)}.${below(256)}`;
  return Array.from(
    { length: EXPRESSIONS },
    () => `tcp port ${below(65_536)} and host ${address()} or net 192.168.${below(256)}.0/24`,
  );
}

/** Ethernet and IPv4 with this protocol, in hexadecimal digits. */
function frame(protocol: number): string {
  const bytes = new Uint8Array(60);
  bytes.set([0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, protocol], 12);
  return Buffer.from(bytes).toString('hex');
}
