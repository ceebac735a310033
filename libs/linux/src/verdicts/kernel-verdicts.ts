import { constants } from 'node:os';
import { closeDescriptor, errno, libc, succeed } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';
import {
  AF_UNIX,
  SO_ATTACH_BPF,
  SO_ATTACH_FILTER,
  SO_DETACH_FILTER,
  SO_MEMINFO,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from '../socket/constants.js';

/** sizeof(struct sock_filter) and sizeof(struct sock_fprog), include/uapi/linux/filter.h. */
const INSTRUCTION_BYTES = 8;
const SOCK_FPROG_BYTES = 16;
/** recv(2): answer the datagram's length, however small the buffer. */
const MSG_TRUNC = 0x20;
/** include/uapi/linux/sock_diag.h: an array of 32-bit numbers, which `ss -m` prints. */
const SK_MEMINFO_OPTMEM = 6;
const SK_MEMINFO_VARS = 9;

/**
 * This kernel as a machine: a Unix datagram socketpair whose receiving end has a program attached. Needs no rights for
 * classic programs. Offset 0 of the program is byte 0 of the packet; there is no device, no tag and no other metadata.
 * The socket shows only how much of a packet arrived, so the answers are min(return value, length).
 */
export class KernelVerdicts {
  readonly #ends: Int32Array;
  readonly #buffer = new Uint8Array(1);
  #isAttached = false;
  #isOpen = true;

  private constructor(ends: Int32Array) {
    this.#ends = ends;
  }

  /** @throws BpfleetError `PLATFORM_UNSUPPORTED` where there is no such kernel, SystemCallError */
  static open(): KernelVerdicts {
    const ends = new Int32Array(2);
    succeed('socketpair', libc().socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
    return new KernelVerdicts(ends);
  }

  /**
   * Attaches an encoded classic program in place of the one before, which is detached first: both at once would count
   * against net.core.optmem_max. After a refusal none is attached.
   * @throws SystemCallError `EINVAL` from the checker or the conversion, `ENOMEM` when it is too long
   */
  attach(program: Uint8Array): void {
    this.detach();
    const fprog = { len: program.length / INSTRUCTION_BYTES, filter: program };
    const result = libc().attachFilter(this.#receiver, SOL_SOCKET, SO_ATTACH_FILTER, fprog, SOCK_FPROG_BYTES);
    succeed('setsockopt SO_ATTACH_FILTER', result);
    this.#isAttached = true;
  }

  /** Attaches a loaded eBPF program of type socket filter. The caller keeps and closes `programFd`. */
  attachEbpf(programFd: number): void {
    this.detach();
    this.#set(SO_ATTACH_BPF, programFd);
    this.#isAttached = true;
  }

  detach(): void {
    if (!this.#isAttached) return;
    this.#set(SO_DETACH_FILTER, 0);
    this.#isAttached = false;
  }

  /**
   * What the kernel charges the socket for the attached program, in bytes: 8 for each instruction of eBPF it was converted to,
   * and a header. Limited by net.core.optmem_max. The same figure as `o` of `ss -m`.
   */
  optionMemoryBytes(): number {
    const meminfo = new Uint32Array(SK_MEMINFO_VARS);
    const bytes = new Uint8Array(meminfo.buffer);
    succeed('getsockopt SO_MEMINFO', libc().getsockopt(this.#receiver, SOL_SOCKET, SO_MEMINFO, bytes, [bytes.length]));
    return meminfo[SK_MEMINFO_OPTMEM] as number;
  }

  /**
   * What the attached program says about a packet: min(return value, length), 0 for dropped.
   * @param bytes at least one: an empty datagram that arrives cannot be told from one that was dropped
   */
  verdict(bytes: Uint8Array): number {
    if (bytes.length === 0) throw new RangeError('a verdict needs a packet of at least one byte');
    succeed('send', libc().send(this.#sender, bytes, bytes.length, 0));
    const length = libc().recv(this.#receiver, this.#buffer, this.#buffer.length, MSG_TRUNC);
    if (length >= 0) return length;
    const number = errno();
    // The sender is not told of a drop (`unix_dgram_sendmsg`); there is just nothing to receive. By its number: half of the packets
    // of a self-test are dropped, and an error with its stack takes ten times what the two calls take.
    if (number === constants.errno.EAGAIN) return 0;
    throw new SystemCallError('recv', number);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const fd of this.#ends) closeDescriptor(fd);
  }

  get #sender(): number {
    return this.#ends[0] as number;
  }

  get #receiver(): number {
    return this.#ends[1] as number;
  }

  #set(option: number, value: number): void {
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    succeed(
      `setsockopt SOL_SOCKET ${option}`,
      libc().setsockopt(this.#receiver, SOL_SOCKET, option, bytes, bytes.length),
    );
  }
}
