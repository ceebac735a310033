import { readdirSync, readlinkSync } from 'node:fs';
import { AGENT_REFUSALS, encodeProgram, type Refusal, seccompProgram } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { errno, libc, succeed } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';

/** include/uapi/linux/prctl.h */
const PR_SET_NO_NEW_PRIVS = 38;
/** include/uapi/linux/seccomp.h */
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1 << 0;
const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 1 << 2;
/** The number of seccomp(2), which the C library has no function for. */
const SYSTEM_CALL: Readonly<Record<string, number>> = { x64: 317, arm64: 277 };
const INSTRUCTION_BYTES = 8;

/**
 * Takes from this process, all its threads and all that it starts, for good, what `AGENT_REFUSALS` says: such calls fail with
 * EPERM from here on. To be called when its listeners are open; files, threads and connections go on. Needs no privilege.
 *
 * @throws BpfleetError `PLATFORM_UNSUPPORTED` where the kernel has no seccomp filters, `CONFIG_INVALID` when the process has a
 * ring of io_uring: what is asked for there meets no filter
 */
export function confineProcess(refusals: readonly Refusal[] = AGENT_REFUSALS): void {
  const machine = process.arch;
  if (machine !== 'x64' && machine !== 'arm64') {
    throw new BpfleetError('PLATFORM_UNSUPPORTED', `there is no seccomp filter for ${machine}`);
  }
  refuseRings();
  const program = encodeProgram(seccompProgram(machine, refusals));
  // Without it a filter could make a program with more privileges misbehave, so the kernel insists (or on CAP_SYS_ADMIN).
  succeed('prctl PR_SET_NO_NEW_PRIVS', libc().prctl(PR_SET_NO_NEW_PRIVS, 1));
  let result = install(program, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  // A flag that it does not know (before 4.17).
  if (result < 0 && new SystemCallError('seccomp', errno()).errno === 'EINVAL') {
    result = install(program, SECCOMP_FILTER_FLAG_TSYNC);
  }
  if (result < 0) {
    throw new BpfleetError('PLATFORM_UNSUPPORTED', 'this kernel takes no seccomp filter (CONFIG_SECCOMP_FILTER)', {
      cause: new SystemCallError('seccomp', errno()),
    });
  }
  // `seccomp_set_mode_filter` answers with a thread's id when that thread has filters of its own.
  if (result > 0) throw new BpfleetError('SYSTEM_CALL', `thread ${result} cannot get the seccomp filter`);
}

/**
 * All threads at once (TSYNC). SPEC_ALLOW: kernels before 5.16 would otherwise take speculation from the process, a third of its
 * speed, which is for code that nobody trusts; this is about what ours could be led to do.
 */
function install(program: Uint8Array, flags: number): number {
  const number = SYSTEM_CALL[process.arch]!;
  const fprog = { len: program.length / INSTRUCTION_BYTES, filter: program };
  return libc().seccomp(number, SECCOMP_SET_MODE_FILTER, flags, fprog);
}

/** libuv makes them only when asked to, but may make them by itself in other versions of Node. */
function refuseRings(): void {
  const isRing = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[io_uring]';
    } catch {
      // Closed meanwhile: the descriptor that the folder was read with.
      return false;
    }
  };
  if (!readdirSync('/proc/self/fd').some(isRing)) return;
  throw new BpfleetError('CONFIG_INVALID', 'this process uses io_uring, which no seccomp filter sees into', {
    hint: 'start it with UV_USE_IO_URING=0',
  });
}
