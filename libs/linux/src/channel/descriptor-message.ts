import { addressOf } from '../calls/libc.js';
import { SOL_SOCKET } from '../socket/constants.js';

/** `struct msghdr`, `struct iovec` and `struct cmsghdr`, include/linux/socket.h, on 64-bit hosts. */
const MSGHDR = { data: 16, dataCount: 24, control: 32, controlBytes: 40, flags: 48, bytes: 56 } as const;
const IOVEC = { base: 0, length: 8, bytes: 16 } as const;
const CMSGHDR = { length: 0, level: 8, type: 12, bytes: 16 } as const;
const SCM_RIGHTS = 1;
/** More did not fit: of the data, of the control messages (their descriptors were not made). */
const MSG_TRUNC = 0x20;
const MSG_CTRUNC = 0x08;

const align8 = (length: number) => (length + 7) & ~7;
/** One byte more than a message has, so that a longer one is seen to be. */
const DATA_BYTES = 5;
const DATA = MSGHDR.bytes + IOVEC.bytes;
const CONTROL = align8(DATA + DATA_BYTES);
/** Room for some more descriptors than one: those come to us, and can be closed. */
const CONTROL_BYTES = 64;

/**
 * The memory of one sendmsg(2) or recvmsg(2): header, data and control message in a single buffer, so that who passes `bytes` to
 * the call keeps all of it alive.
 */
export class DescriptorMessage {
  readonly bytes = new Uint8Array(new ArrayBuffer(CONTROL + CONTROL_BYTES));
  readonly #view = new DataView(this.bytes.buffer);

  private constructor(dataBytes: number, controlBytes: number) {
    const start = addressOf(this.bytes);
    const iovec = MSGHDR.bytes;
    this.#view.setBigUint64(MSGHDR.data, start + BigInt(iovec), true);
    this.#view.setBigUint64(MSGHDR.dataCount, 1n, true);
    this.#view.setBigUint64(iovec + IOVEC.base, start + BigInt(DATA), true);
    this.#view.setBigUint64(iovec + IOVEC.length, BigInt(dataBytes), true);
    if (controlBytes > 0) this.#view.setBigUint64(MSGHDR.control, start + BigInt(CONTROL), true);
    this.#view.setBigUint64(MSGHDR.controlBytes, BigInt(controlBytes), true);
  }

  /** Empty, to be filled by recvmsg(2). */
  static toReceive(): DescriptorMessage {
    return new DescriptorMessage(DATA_BYTES, CONTROL_BYTES);
  }

  /** To be sent: at most 5 bytes and 12 descriptors. */
  static of(data: Uint8Array, descriptors: readonly number[]): DescriptorMessage {
    const rights = CMSGHDR.bytes + 4 * descriptors.length;
    const message = new DescriptorMessage(data.length, descriptors.length === 0 ? 0 : align8(rights));
    message.bytes.set(data, DATA);
    message.#view.setBigUint64(CONTROL + CMSGHDR.length, BigInt(rights), true);
    message.#view.setInt32(CONTROL + CMSGHDR.level, SOL_SOCKET, true);
    message.#view.setInt32(CONTROL + CMSGHDR.type, SCM_RIGHTS, true);
    for (const [index, fd] of descriptors.entries()) {
      message.#view.setInt32(CONTROL + CMSGHDR.bytes + 4 * index, fd, true);
    }
    return message;
  }

  /** The first four bytes that were received. */
  get number(): number {
    return this.#view.getUint32(DATA, true);
  }

  /** Descriptors were sent that we did not get: there were too many of them, or this process has as many as it may. */
  get isControlTruncated(): boolean {
    return (this.#view.getUint32(MSGHDR.flags, true) & MSG_CTRUNC) !== 0;
  }

  get isDataTruncated(): boolean {
    return (this.#view.getUint32(MSGHDR.flags, true) & MSG_TRUNC) !== 0;
  }

  /** All that were received: they are open now, whatever becomes of the message. */
  descriptors(): number[] {
    const found: number[] = [];
    const end = CONTROL + Number(this.#view.getBigUint64(MSGHDR.controlBytes, true));
    for (let at = CONTROL; at + CMSGHDR.bytes <= end; ) {
      const length = Number(this.#view.getBigUint64(at + CMSGHDR.length, true));
      if (length < CMSGHDR.bytes || at + length > end) break;
      const level = this.#view.getInt32(at + CMSGHDR.level, true);
      if (level === SOL_SOCKET && this.#view.getInt32(at + CMSGHDR.type, true) === SCM_RIGHTS) {
        for (let fd = at + CMSGHDR.bytes; fd + 4 <= at + length; fd += 4) found.push(this.#view.getInt32(fd, true));
      }
      at += align8(length);
    }
    return found;
  }
}
