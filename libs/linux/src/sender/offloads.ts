import { closeDescriptor, libc, succeed } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM } from '../socket/constants.js';

/** include/uapi/linux/sockios.h */
const SIOCETHTOOL = 0x8946;
/** Commands with one value, include/uapi/linux/ethtool.h. */
const offloads = {
  ETHTOOL_SRXCSUM: 0x15,
  ETHTOOL_STXCSUM: 0x17,
  ETHTOOL_STSO: 0x1f,
  ETHTOOL_SGSO: 0x24,
  ETHTOOL_SGRO: 0x2c,
} as const;

/**
 * Makes a virtual interface behave like a wire: packets no longer than the MTU, checksums computed (as
 * `ethtool -K name tx off rx off tso off gso off gro off`). For the hosts of tests; bpfleet never does so elsewhere.
 * What an interface does not offer to switch off stays.
 */
export function switchOffloadsOff(name: string): void {
  const fd = succeed('socket', libc().socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    for (const [call, command] of Object.entries(offloads)) switchOff(fd, name, call, command);
  } finally {
    closeDescriptor(fd);
  }
}

function switchOff(fd: number, name: string, call: string, command: number): void {
  const ifr_name = new Uint8Array(16);
  ifr_name.set(new TextEncoder().encode(name).subarray(0, 15));
  // `struct ethtool_value`: the command, and 0 for off.
  const ifr_data = new Uint8Array(new Uint32Array([command, 0]).buffer);
  try {
    succeed(call, libc().ioctlEthtool(fd, SIOCETHTOOL, { ifr_name, ifr_data, padding: new Uint8Array(16) }));
  } catch (error) {
    if (!(error instanceof SystemCallError) || error.errno !== 'ENOTSUP') throw error;
  }
}
