import { BpfleetError } from '@bpfleet/errors';

/** Why a file that a person named cannot be read, in words; undefined for errors that are not the file's. */
export function unreadableFile(path: string, error: unknown): BpfleetError | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return new BpfleetError('REQUEST_INVALID', reasonOf(path, String(error.code)), { cause: error });
}

function reasonOf(path: string, code: string): string {
  switch (code) {
    case 'ENOENT':
      return `there is no file ${path}`;
    case 'EISDIR':
      return `${path} is a folder`;
    case 'EACCES':
      return `${path} may not be read by this user`;
    default:
      return `${path} cannot be read (${code})`;
  }
}
