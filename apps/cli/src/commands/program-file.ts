import { readFile } from 'node:fs/promises';
import { BpfleetError } from '@bpfleet/errors';
import type { Terminal } from '../terminal.js';
import { unreadableFile } from '../unreadable-file.js';

const MAX_BYTES = 16 << 20;

/** A program's text from a file, or from standard input for `-`. */
export async function readProgramText(path: string, terminal: Terminal): Promise<string> {
  if (path !== '-') {
    return readFile(path, 'utf8').catch((error: unknown) => {
      throw (
        unreadableFile(path, error) ?? new BpfleetError('PROGRAM_INVALID', `${path} is no program`, { cause: error })
      );
    });
  }
  let text = '';
  for await (const chunk of terminal.input) {
    text += String(chunk);
    if (text.length > MAX_BYTES) throw new BpfleetError('PROGRAM_INVALID', 'standard input is no program: too long');
  }
  return text;
}
