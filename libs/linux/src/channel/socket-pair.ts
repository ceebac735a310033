import { libc, succeed } from '../calls/libc.js';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_SEQPACKET, SOCK_STREAM } from '../socket/constants.js';

/**
 * Two ends of a channel between processes, both closed on exec and by whoever holds them. A stream is bytes; `seqpacket` keeps
 * messages apart. `spawn` hands an end over: `stdio: ['ignore', …, fd]`.
 */
export function socketPair(type: 'stream' | 'seqpacket'): [number, number] {
  const ends = new Int32Array(2);
  const number = (type === 'stream' ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC;
  succeed('socketpair', libc().socketpair(AF_UNIX, number, 0, ends));
  return [ends[0]!, ends[1]!];
}
