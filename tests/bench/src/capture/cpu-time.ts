import { readdirSync, readFileSync } from 'node:fs';

/** Processor time of each thread of a process so far, user and system, in nanoseconds (/proc/PID/task/TID/schedstat). */
export function threadTimesNs(pid: number): Map<number, number> {
  const folder = `/proc/${pid}/task`;
  return new Map(
    readdirSync(folder).map((thread) => {
      const [runNs] = readFileSync(`${folder}/${thread}/schedstat`, 'utf8').split(' ');
      return [Number(thread), Number(runNs)];
    }),
  );
}

/** Of all threads that live. */
export function cpuTimeNs(...pids: readonly number[]): number {
  return pids.flatMap((pid) => [...threadTimesNs(pid).values()]).reduce((sum, ns) => sum + ns, 0);
}
