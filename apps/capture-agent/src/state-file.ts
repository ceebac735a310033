import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { BpfleetError } from '@bpfleet/errors';

const { O_RDONLY, O_NONBLOCK } = constants;

/**
 * A file of the agent's own folders, where somebody may have put anything: opening a FIFO would wait for whoever writes to it.
 * @throws the error of `node:fs`; BpfleetError `DATA_FOREIGN` for what is no regular file, or has more bytes
 */
export function readStateFile(path: string, mostBytes: number): Buffer {
  const fd = openSync(path, O_RDONLY | O_NONBLOCK);
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw foreign(`${path} is no regular file`);
    if (found.size > mostBytes) throw foreign(`${path} has ${found.size} bytes, more than any of bpfleet's`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

const foreign = (what: string): BpfleetError => new BpfleetError('DATA_FOREIGN', what, { hint: 'remove it' });
