import { BpfleetError } from '@bpfleet/errors';
import { closeDescriptor, errno, libc } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';
import { DescriptorMessage } from './descriptor-message.js';

const NUMBER_BYTES = 4;
/** include/linux/socket.h */
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;

/** A descriptor that came over a channel: another one of the sender's open file, closed on exec, this process's own. */
export interface PassedDescriptor {
  readonly fd: number;
  /** What the sender calls it. */
  readonly id: number;
}

/**
 * Sends a descriptor over a Unix socket (SCM_RIGHTS), with a number of 32 bits by which the receiver knows it. The sender's own
 * stays open. Does not wait: false when the channel is full, and nothing was sent.
 * @throws SystemCallError `EPIPE` when nobody has the other end any more, `ETOOMANYREFS` when too many are on their way
 */
export function sendDescriptor(channel: number, fd: number, id: number): boolean {
  const data = new Uint8Array(Uint32Array.of(id).buffer);
  const { bytes } = DescriptorMessage.of(data, [fd]);
  for (;;) {
    if (libc().sendmsg(channel, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
    const error = new SystemCallError('sendmsg', errno());
    if (error.errno === 'EAGAIN') return false;
    if (error.errno !== 'EINTR') throw error;
  }
}

/**
 * Receives what `sendDescriptor` sent. Blocks the thread until something comes, unless told not to: then `nothing` means that
 * nothing is there. `closed`: nobody has the other end any more.
 *
 * Anything else that comes is refused, and descriptors in it are closed. On a stream the place of the next message is lost
 * then: give the channel up.
 * @throws BpfleetError `RECORD_INVALID` for a foreign message, SystemCallError
 */
export function receiveDescriptor(
  channel: number,
  options: { readonly nonBlocking: boolean } = { nonBlocking: false },
): PassedDescriptor | 'nothing' | 'closed' {
  const flags = MSG_CMSG_CLOEXEC | (options.nonBlocking ? MSG_DONTWAIT : 0);
  for (;;) {
    const message = DescriptorMessage.toReceive();
    const length = libc().recvmsg(channel, message.bytes, flags);
    if (length >= 0) return accept(message, length);
    const error = new SystemCallError('recvmsg', errno());
    if (error.errno === 'EAGAIN') return 'nothing';
    // The other end was closed with something unread in it.
    if (error.errno === 'ECONNRESET') return 'closed';
    if (error.errno !== 'EINTR') throw error;
  }
}

function accept(message: DescriptorMessage, length: number): PassedDescriptor | 'closed' {
  const descriptors = message.descriptors();
  if (length === 0 && descriptors.length === 0) return 'closed';
  const fault = faultOf(message, length, descriptors.length);
  if (fault === undefined) return { fd: descriptors[0]!, id: message.number };
  for (const fd of descriptors) closeDescriptor(fd);
  throw fault;
}

function faultOf(message: DescriptorMessage, length: number, descriptors: number): BpfleetError | undefined {
  const refuse = (what: string, hint?: string) =>
    new BpfleetError('RECORD_INVALID', `a message on a descriptor channel ${what}`, hint === undefined ? {} : { hint });
  if (message.isDataTruncated || length !== NUMBER_BYTES) return refuse(`is not ${NUMBER_BYTES} bytes long`);
  if (message.isControlTruncated && descriptors === 0) {
    return refuse(
      'lost its descriptor',
      'this process has as many open files as it may: raise the limit (RLIMIT_NOFILE)',
    );
  }
  if (message.isControlTruncated || descriptors !== 1) return refuse(`carries ${descriptors} descriptors, not one`);
  return undefined;
}
