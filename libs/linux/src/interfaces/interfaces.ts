import { closeDescriptor, libc, succeed } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';
import { AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW } from '../socket/constants.js';
import { emptyDump, type LinkDump, linkDumpRequest, type NetworkInterface, readLinkMessages } from './link-messages.js';

/** include/uapi/linux/netlink.h */
const NETLINK_ROUTE = 0;
/** The kernel fits each datagram of a dump into what the reader offers, at most this. */
const receiveBytes = 32_768;
/** Interfaces that keep changing during the dump; the last answer is then taken as it is. */
const maxAttempts = 5;

/**
 * The interfaces of the calling thread's network namespace, by index. Asked by rtnetlink and not read from
 * /sys/class/net, which shows the namespace of whoever mounted /sys. Needs no capability.
 */
export function interfaces(): NetworkInterface[] {
  const fd = succeed('socket', libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  try {
    for (let attempt = 1; ; attempt++) {
      const dump = askForLinks(fd, attempt);
      if (!dump.isInterrupted || attempt === maxAttempts) return dump.links.sort((a, b) => a.index - b.index);
    }
  } finally {
    closeDescriptor(fd);
  }
}

function askForLinks(fd: number, sequence: number): LinkDump {
  const request = linkDumpRequest(sequence);
  succeed('send', libc().send(fd, request, request.length, 0));
  const buffer = new Uint8Array(receiveBytes);
  const dump = emptyDump();
  while (!dump.isDone) {
    const length = succeed('recv', libc().recv(fd, buffer, buffer.length, 0));
    readLinkMessages(buffer.subarray(0, length), dump);
    if (dump.error !== undefined) throw new SystemCallError('RTM_GETLINK', dump.error);
  }
  return dump;
}
