import { createRequire } from 'node:module';
import { BpfleetError } from '@bpfleet/errors';
import { SystemCallError } from './system-call-error.js';

/** Memory handed to the kernel for the time of one call. koffi passes its address, it copies nothing. */
type Bytes = Uint8Array;
/** An address outside the JavaScript heap. */
export type Address = bigint;

/**
 * The C library functions we use, as declared in their manual pages (section 2).
 * Each call runs in the calling thread and blocks it. A negative result means `errno` is set: pass it to `succeed`.
 */
interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  /** `ends` gets the two descriptors. */
  socketpair(domain: number, type: number, protocol: number, ends: Int32Array): number;
  bind(fd: number, address: Bytes, addressBytes: number): number;
  getsockname(fd: number, address: Bytes, addressBytes: [number]): number;
  setsockopt(fd: number, level: number, option: number, value: Bytes, valueBytes: number): number;
  getsockopt(fd: number, level: number, option: number, value: Bytes, valueBytes: [number]): number;
  /** `setsockopt` with `struct sock_fprog`; `filter` is kept alive by the call's own arguments. */
  attachFilter(fd: number, level: number, option: number, value: SockFprog, valueBytes: number): number;
  send(fd: number, bytes: Bytes, length: number, flags: number): number;
  recv(fd: number, bytes: Bytes, length: number, flags: number): number;
  /** `message` begins with a `struct msghdr` whose addresses lead into the same memory. */
  sendmsg(fd: number, message: Bytes, flags: number): number;
  recvmsg(fd: number, message: Bytes, flags: number): number;
  sendmmsg(fd: number, messages: Address, count: number, flags: number): number;
  /** `time` gets a `struct timespec`. */
  clock_gettime(clock: number, time: Bytes): number;
  mmap(address: Address | null, length: number, protection: number, flags: number, fd: number, offset: number): Address;
  munmap(address: Address, length: number): number;
  poll(pollfds: Bytes, count: number, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: Bytes): number;
  epoll_wait(epoll: number, events: Bytes, count: number, timeoutMs: number): number;
  read(fd: number, bytes: Bytes, length: number): number;
  write(fd: number, bytes: Bytes, length: number): number;
  close(fd: number): number;
  /** With an integer argument, as F_DUPFD_CLOEXEC takes. */
  fcntl(fd: number, command: number, argument: number): number;
  flock(fd: number, operation: number): number;
  setns(fd: number, type: number): number;
  /** `bpf(2)` by its number: the C library has no function for it. */
  bpf(number: number, command: number, attributes: Bytes, attributesBytes: number): number;
  /** With one argument; the others are 0, as some options demand. */
  prctl(option: number, argument: number): number;
  /** `args` end with null. Returns only when it fails. */
  execvp(command: string, args: readonly (string | null)[]): number;
  /** `seccomp(2)` by its number. */
  seccomp(number: number, operation: number, flags: number, program: SockFprog): number;
  /** `ioctl` with `struct ifreq` whose `ifr_data` points to `struct ethtool_value`. */
  ioctlEthtool(fd: number, request: number, value: IfreqEthtool): number;
}

/** `struct sock_fprog`, include/uapi/linux/filter.h. `len` counts instructions. */
interface SockFprog {
  readonly len: number;
  readonly filter: Bytes;
}

/** `struct ifreq`, include/uapi/linux/if.h, as SIOCETHTOOL reads it: the name, then a pointer, padded to 40 bytes. */
interface IfreqEthtool {
  readonly ifr_name: Uint8Array;
  readonly ifr_data: Bytes;
  readonly padding: Uint8Array;
}

type Koffi = typeof import('koffi');
interface Binding {
  readonly koffi: Koffi;
  readonly libc: Libc;
}
let binding: Binding | undefined;

/**
 * Loads koffi at the first call, not at import: on a platform without it everything else of bpfleet still runs.
 * Each worker thread has its own copy of this module and so its own binding.
 */
function load(): Binding {
  if (binding !== undefined) return binding;
  if (process.platform !== 'linux') {
    throw new BpfleetError('PLATFORM_UNSUPPORTED', `capturing needs Linux, this is ${process.platform}`);
  }
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    binding = { koffi, libc: declare(koffi) };
    return binding;
  } catch (cause) {
    throw new BpfleetError('PLATFORM_UNSUPPORTED', `the foreign function library koffi does not load: ${cause}`, {
      cause,
      hint: `install dependencies again on this host (linux ${process.arch}); koffi comes as a prebuilt npm package`,
    });
  }
}

function declare(koffi: Koffi): Libc {
  // The process itself: Node links the C library dynamically, whichever it is (glibc or musl).
  const self = koffi.load(null);
  const sockFprog = koffi.struct({ len: 'uint16_t', filter: 'const void *' });
  const ifreqEthtool = koffi.struct({
    ifr_name: koffi.array('uint8_t', 16, 'Typed'),
    ifr_data: 'void *',
    padding: koffi.array('uint8_t', 16, 'Typed'),
  });
  const functions: { readonly [name in keyof Libc]: Libc[name] } = {
    socket: self.func('int socket(int, int, int)'),
    socketpair: self.func('int socketpair(int, int, int, void *)'),
    bind: self.func('int bind(int, const void *, uint32_t)'),
    getsockname: self.func('int getsockname(int, void *, _Inout_ uint32_t *)'),
    setsockopt: self.func('int setsockopt(int, int, int, const void *, uint32_t)'),
    getsockopt: self.func('int getsockopt(int, int, int, void *, _Inout_ uint32_t *)'),
    attachFilter: self.func('setsockopt', 'int', ['int', 'int', 'int', koffi.pointer(sockFprog), 'uint32_t']),
    send: self.func('long send(int, const void *, size_t, int)'),
    recv: self.func('long recv(int, void *, size_t, int)'),
    sendmsg: self.func('long sendmsg(int, const void *, int)'),
    recvmsg: self.func('long recvmsg(int, void *, int)'),
    sendmmsg: self.func('int sendmmsg(int, void *, unsigned int, int)'),
    clock_gettime: self.func('int clock_gettime(int, void *)'),
    mmap: self.func('void *mmap(void *, size_t, int, int, int, int64_t)'),
    munmap: self.func('int munmap(void *, size_t)'),
    poll: self.func('int poll(void *, unsigned long, int)'),
    eventfd: self.func('int eventfd(unsigned int, int)'),
    epoll_create1: self.func('int epoll_create1(int)'),
    epoll_ctl: self.func('int epoll_ctl(int, int, int, void *)'),
    epoll_wait: self.func('int epoll_wait(int, void *, int, int)'),
    read: self.func('long read(int, void *, size_t)'),
    write: self.func('long write(int, const void *, size_t)'),
    close: self.func('int close(int)'),
    fcntl: bindFcntl(self.func('int fcntl(int, int, ...)')),
    flock: self.func('int flock(int, int)'),
    setns: self.func('int setns(int, int)'),
    bpf: bindSyscall(self.func('long syscall(long, ...)')),
    prctl: bindPrctl(self.func('int prctl(int, ...)')),
    execvp: self.func('int execvp(const char *, const char **)'),
    seccomp: bindSeccomp(self.func('long syscall(long, ...)'), koffi.pointer(sockFprog)),
    // Variadic in C: koffi then passes the third argument as the ABI wants it for `...`.
    ioctlEthtool: bindIoctl(self.func('int ioctl(int, unsigned long, ...)'), koffi.pointer(ifreqEthtool)),
  };
  return functions;
}

type VariadicSyscall = (number: number, ...typesAndValues: unknown[]) => number;
function bindSyscall(syscall: VariadicSyscall): Libc['bpf'] {
  return (number, command, attributes, bytes) =>
    syscall(number, 'int', command, 'void *', attributes, 'unsigned int', bytes);
}

function bindSeccomp(syscall: VariadicSyscall, type: unknown): Libc['seccomp'] {
  return (number, operation, flags, program) =>
    syscall(number, 'unsigned int', operation, 'unsigned int', flags, type, program);
}

type VariadicPrctl = (option: number, ...typesAndValues: unknown[]) => number;
function bindPrctl(prctl: VariadicPrctl): Libc['prctl'] {
  const long = 'unsigned long';
  return (option, argument) => prctl(option, long, argument, long, 0, long, 0, long, 0);
}

type VariadicFcntl = (fd: number, command: number, ...typeAndValue: unknown[]) => number;
function bindFcntl(fcntl: VariadicFcntl): Libc['fcntl'] {
  return (fd, command, argument) => fcntl(fd, command, 'int', argument);
}

type VariadicIoctl = (fd: number, request: number, type: unknown, value: IfreqEthtool) => number;
function bindIoctl(ioctl: VariadicIoctl, type: unknown): Libc['ioctlEthtool'] {
  return (fd, request, value) => ioctl(fd, request, type, value);
}

/** koffi itself, for libraries other than the C library. @throws BpfleetError `PLATFORM_UNSUPPORTED` */
export function foreignFunctions(): Koffi {
  return load().koffi;
}

/** @throws BpfleetError `PLATFORM_UNSUPPORTED` where the calls cannot be made */
export function libc(): Libc {
  return load().libc;
}

/** The number of the last failed call of this thread. Read it before any other call. */
export function errno(): number {
  return load().koffi.errno();
}

/** Returns what the call returned. @throws SystemCallError when that is negative */
export function succeed(call: string, result: number): number {
  if (result < 0) throw new SystemCallError(call, errno());
  return result;
}

/** `MAP_FAILED`, include of mmap(2): all bits set. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/**
 * Maps `length` bytes of a descriptor, shared, for reading and writing.
 * @param at in place of what is mapped there
 */
export function mapShared(fd: number, length: number, at: Address | null = null): Address {
  const PROT_READ_WRITE = 0x1 | 0x2;
  const MAP_SHARED = 0x01;
  const MAP_FIXED = 0x10;
  const address = libc().mmap(at, length, PROT_READ_WRITE, at === null ? MAP_SHARED : MAP_SHARED | MAP_FIXED, fd, 0);
  if (address === MAP_FAILED) throw new SystemCallError('mmap', errno());
  return address;
}

/** Puts memory of nobody's in place of what is mapped there: what was written is not to be seen, what is written goes nowhere. */
export function mapNothing(address: Address, length: number): void {
  const PROT_READ_WRITE = 0x1 | 0x2;
  const MAP_PRIVATE_FIXED_ANONYMOUS_NORESERVE = 0x02 | 0x10 | 0x20 | 0x4000;
  const result = libc().mmap(address, length, PROT_READ_WRITE, MAP_PRIVATE_FIXED_ANONYMOUS_NORESERVE, -1, 0);
  if (result === MAP_FAILED) throw new SystemCallError('mmap', errno());
}

/**
 * The mapped memory as an ArrayBuffer, without a copy. V8 cannot detach it: after `munmap` a read through a view that
 * someone kept ends the process, so the owner must drop its views first.
 */
export function viewMemory(address: Address, length: number): ArrayBuffer {
  return load().koffi.view(address, length);
}

/** The address of memory that belongs to JavaScript. The caller keeps `bytes` referenced as long as it is used. */
export function addressOf(bytes: Uint8Array): Address {
  return load().koffi.address(bytes);
}

export function closeDescriptor(fd: number): void {
  // Linux frees the descriptor even when close(2) reports an error; a second close could hit someone else's.
  libc().close(fd);
}

/** Another descriptor of the same open file, closed on exec. */
export function duplicateDescriptor(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  return succeed('fcntl F_DUPFD_CLOEXEC', libc().fcntl(fd, F_DUPFD_CLOEXEC, 3));
}
