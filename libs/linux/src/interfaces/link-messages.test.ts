import { describe, expect, it } from 'vitest';
import { emptyDump, type LinkDump, readLinkMessages } from './link-messages.js';

/** A netlink message: `struct nlmsghdr`, then the payload, padded to 4 bytes. */
function message(type: number, flags: number, payload: readonly number[]): number[] {
  const header = new DataView(new ArrayBuffer(16));
  header.setUint32(0, 16 + payload.length, true);
  header.setUint16(4, type, true);
  header.setUint16(6, flags, true);
  return padded([...new Uint8Array(header.buffer), ...payload]);
}
const padded = (bytes: number[]) => [...bytes, ...Array<number>((4 - (bytes.length % 4)) % 4).fill(0)];

const RTM_NEWLINK = 16;
const ETHER = [0, 0, 1, 0];
/** `struct ifinfomsg` of interface 3, switched on, then IFLA_IFNAME, an attribute we do not know, IFLA_MTU. */
const eth0 = [
  ...ETHER,
  ...[3, 0, 0, 0],
  ...[0x43, 0x10, 1, 0],
  ...[0, 0, 0, 0],
  ...padded([9, 0, 3, 0, ...new TextEncoder().encode('eth0'), 0]),
  ...padded([5, 0, 200, 0, 1]),
  ...[8, 0, 4, 0, 0xdc, 0x05, 0, 0],
];

function read(...messages: number[][]): LinkDump {
  const dump = emptyDump();
  readLinkMessages(Uint8Array.from(messages.flat()), dump);
  return dump;
}

describe('readLinkMessages', () => {
  it('reads name, index, kind, state and MTU of a link', () => {
    expect(read(message(RTM_NEWLINK, 2, eth0)).links).toEqual([
      {
        name: 'eth0',
        index: 3,
        arphrd: 1,
        hardware: 'ETHER',
        linkType: 'EN10MB',
        isLoopback: false,
        up: true,
        mtu: 1500,
      },
    ]);
  });

  it('is done at the message that says so, not at the end of a datagram', () => {
    expect(read(message(RTM_NEWLINK, 2, eth0)).isDone).toBe(false);
    expect(read(message(RTM_NEWLINK, 2, eth0), message(3, 2, [0, 0, 0, 0]))).toMatchObject({ isDone: true });
  });

  it('notices that links changed during the dump, and still reads to its end', () => {
    const dump = read(message(RTM_NEWLINK, 0x12, eth0), message(3, 0x12, [0, 0, 0, 0]));
    expect(dump).toMatchObject({ isInterrupted: true, isDone: true });
  });

  it('tells the errno of a refusal', () => {
    expect(read(message(2, 0, [0xff, 0xff, 0xff, 0xff])).error).toBe(1);
  });

  it('stops at a message that is longer than the datagram', () => {
    expect(read(message(RTM_NEWLINK, 2, eth0), message(RTM_NEWLINK, 2, eth0).slice(0, 40)).links).toHaveLength(1);
  });

  it('stops at an attribute that is longer than its message', () => {
    const broken = [...eth0.slice(0, 16), 200, 0, 3, 0, 0x65, 0, 0, 0];
    expect(read(message(RTM_NEWLINK, 2, broken)).links).toMatchObject([{ name: '', index: 3 }]);
  });
});
