import { readFileSync } from 'node:fs';

export interface Memory {
  /** Proportional set size without rings, in MB. */
  readonly megabytes: number;
  readonly ringMegabytes: number;
}

/** What processes hold of the host's memory (/proc/PID/smaps); rings of packet sockets are mapped as `socket:[…]`. */
export function memoryOf(pids: readonly number[]): Memory {
  const total = { all: 0, ring: 0 };
  for (const pid of pids) {
    let isRing = false;
    for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
      if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isRing = line.includes('socket:');
      const kilobytes = Number(/^Pss: +(\d+) kB/.exec(line)?.[1] ?? 0) * 1.024;
      total.all += kilobytes;
      if (isRing) total.ring += kilobytes;
    }
  }
  return { megabytes: (total.all - total.ring) / 1000, ringMegabytes: total.ring / 1000 };
}
