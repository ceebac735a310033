import { errno, libc } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';

/** include/uapi/asm-generic/fcntl.h; 0: open in the next program, too */
const F_SETFD = 2;

/**
 * Makes another program of this process: same id, environment and standard streams, all else gone. For the start of a process,
 * before it has anything to close. Threads cannot drop capabilities for one another, a new program can.
 * @returns only when it fails
 */
export function becomeProgram(command: string, args: readonly string[]): SystemCallError {
  // Node has them closed then (`uv_disable_stdio_inheritance`), and what is said would go nowhere.
  for (const fd of [0, 1, 2]) libc().fcntl(fd, F_SETFD, 0);
  libc().execvp(command, [command, ...args, null]);
  return new SystemCallError('execvp', errno());
}
