import { closeSync, openSync } from 'node:fs';
import { libc, succeed } from './calls/libc.js';

/** include/uapi/linux/sched.h */
const CLONE_NEWNET = 0x40000000;

/**
 * Puts the calling thread into another network namespace, for example `/run/netns/blue`, until the answer is called.
 * Threads that it starts meanwhile begin there too; libuv's thread pool (DNS) stays where it was.
 * @throws SystemCallError `EPERM` without CAP_SYS_ADMIN
 */
export function enterNetworkNamespace(path: string): () => void {
  // thread-self: in a worker thread `self` would name the main thread's namespace.
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const target = openSync(path, 'r');
    try {
      succeed('setns', libc().setns(target, CLONE_NEWNET));
    } finally {
      closeSync(target);
    }
  } catch (error) {
    closeSync(home);
    throw error;
  }
  return () => {
    try {
      succeed('setns', libc().setns(home, CLONE_NEWNET));
    } finally {
      closeSync(home);
    }
  };
}

/**
 * Runs a synchronous action with the calling thread inside another network namespace. A socket stays in the namespace it
 * was opened in, also after the return. Anything the action leaves for later (promises, DNS, libuv's thread pool) runs in
 * the old namespace.
 * @throws SystemCallError `EPERM` without CAP_SYS_ADMIN
 */
export function withinNetworkNamespace<T>(path: string, action: () => T): T {
  const leave = enterNetworkNamespace(path);
  try {
    return action();
  } finally {
    leave();
  }
}
