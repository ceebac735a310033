import { readFileSync } from 'node:fs';

/** A number for this boot of the machine: the first 48 bits of the kernel's random boot id. */
export const bootId = (): number =>
  Number.parseInt(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').replaceAll('-', '').slice(0, 12), 16);
