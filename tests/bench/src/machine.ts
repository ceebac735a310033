import { cpus, loadavg, release, totalmem } from 'node:os';

/** What the figures depend on besides our code. */
export function describeMachine(): string {
  const processors = cpus();
  const memoryGiB = Math.round(totalmem() / 2 ** 30);
  return `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown processor'}, ${memoryGiB} GiB, Linux ${release()}`;
}

/** Over one, five and fifteen minutes. */
export function describeLoad(): string {
  return loadavg()
    .map((load) => load.toFixed(2))
    .join(' ');
}
