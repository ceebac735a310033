import type { SystemCall } from './system-calls.js';

/** Something that is asked of one argument, of its lower 32 bits: the kernel takes all of these as `int`. */
export interface ArgumentTest {
  readonly argument: 0 | 1 | 2 | 3 | 4 | 5;
  /** Only these bits; by default all. */
  readonly mask?: number;
  /** Whether the argument is one of the numbers, or none of them. */
  readonly is: 'one of' | 'none of';
  readonly numbers: readonly number[];
}

/** System calls that are refused: always, or when all tests of the arguments hold. */
export interface Refusal {
  readonly calls: readonly SystemCall[];
  readonly when?: readonly ArgumentTest[];
  /** EPERM, or for calls that the C library then replaces by older ones, ENOSYS. */
  readonly answer?: 'EPERM' | 'ENOSYS';
}

const oneOf = (argument: ArgumentTest['argument'], ...numbers: number[]): ArgumentTest => ({
  argument,
  is: 'one of',
  numbers,
});

const SOL_SOCKET = 1;
const SOL_PACKET = 263;
/** SO_ATTACH_*, SO_DETACH_*, SO_LOCK_FILTER: include/uapi/asm-generic/socket.h. */
const FILTER_OPTIONS = [
  26, // SO_ATTACH_FILTER
  27, // SO_DETACH_FILTER, SO_DETACH_BPF
  44, // SO_LOCK_FILTER
  50, // SO_ATTACH_BPF
  51, // SO_ATTACH_REUSEPORT_CBPF
  52, // SO_ATTACH_REUSEPORT_EBPF
  68, // SO_DETACH_REUSEPORT_BPF
];
/** AF_UNIX, AF_INET, AF_INET6; AF_NETLINK tells of interfaces, and changes nothing without CAP_NET_ADMIN. */
const SOCKET_FAMILIES = [1, 2, 10, 16];
const AF_NETLINK = 16;
/** `SOCK_TYPE_MASK`, include/linux/net.h: beside it there are SOCK_CLOEXEC and SOCK_NONBLOCK. */
const SOCK_TYPE_MASK = 0xf;
const SOCK_RAW = 3;
/** With AF_INET another name for a packet socket (`__sock_create`). */
const SOCK_PACKET = 10;
/** sizeof(struct sockaddr_nl) */
const SOCKADDR_NL_BYTES = 12;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: include/uapi/linux/sched.h. */
const CLONE_NEW = 0x7e02_0000;
/** TIOCSTI, TIOCLINUX: words put into the mouth of whoever sits at the terminal. */
const TERMINAL_INPUT = [0x5412, 0x541c];

/**
 * What a process must not do that holds packet sockets and talks to the network: change what the sockets see, get new ones, run
 * other programs, leave its namespaces, look into other processes, or reach parts of the kernel that it does not need. All else
 * that Node does goes on: files, threads, TCP on what listens already.
 *
 * A packet socket can still be written to: from other descriptors it differs by its number only.
 */
export const AGENT_REFUSALS: readonly Refusal[] = [
  // What the packet sockets see.
  { calls: ['setsockopt'], when: [oneOf(1, SOL_PACKET)] },
  { calls: ['setsockopt'], when: [oneOf(1, SOL_SOCKET), oneOf(2, ...FILTER_OPTIONS)] },
  // Rebinding moves a packet socket to another interface, for which it takes 20 bytes of address (`packet_bind`). The C library
  // binds netlink sockets, to list interfaces.
  { calls: ['bind'], when: [{ argument: 2, is: 'none of', numbers: [SOCKADDR_NL_BYTES] }] },
  // New sockets of that kind.
  { calls: ['socket'], when: [{ argument: 0, is: 'none of', numbers: SOCKET_FAMILIES }] },
  { calls: ['socket'], when: [{ ...oneOf(1, SOCK_PACKET), mask: SOCK_TYPE_MASK }] },
  {
    calls: ['socket'],
    when: [
      { argument: 0, is: 'none of', numbers: [AF_NETLINK] },
      { ...oneOf(1, SOCK_RAW), mask: SOCK_TYPE_MASK },
    ],
  },
  // A ring of requests does all of this without a system call of its own.
  { calls: ['io_uring_setup', 'io_uring_enter', 'io_uring_register'] },
  // Other programs.
  { calls: ['execve', 'execveat'] },
  // Other processes.
  {
    calls: [
      'ptrace',
      'process_vm_readv',
      'process_vm_writev',
      'process_madvise',
      'process_mrelease',
      'pidfd_getfd',
      'kcmp',
    ],
  },
  { calls: ['migrate_pages', 'move_pages'] },
  // Other namespaces. The flags of clone3 are in memory, where a filter cannot look: the C library falls back to clone.
  { calls: ['unshare', 'setns'] },
  { calls: ['clone'], when: [{ argument: 0, mask: CLONE_NEW, is: 'none of', numbers: [0] }] },
  { calls: ['clone3'], answer: 'ENOSYS' },
  // Other file systems.
  { calls: ['mount', 'umount2', 'pivot_root', 'chroot', 'move_mount', 'open_tree', 'open_tree_attr', 'mount_setattr'] },
  { calls: ['fsopen', 'fsconfig', 'fsmount', 'fspick', 'name_to_handle_at', 'open_by_handle_at', 'fanotify_init'] },
  { calls: ['swapon', 'swapoff', 'quotactl', 'quotactl_fd', 'acct'] },
  // Parts of the kernel with much to find fault with, and no use here.
  { calls: ['bpf', 'perf_event_open', 'userfaultfd', 'keyctl', 'add_key', 'request_key', 'modify_ldt', 'syslog'] },
  // The machine.
  {
    calls: [
      'init_module',
      'finit_module',
      'delete_module',
      'kexec_load',
      'kexec_file_load',
      'reboot',
      'iopl',
      'ioperm',
    ],
  },
  { calls: ['settimeofday', 'clock_settime', 'adjtimex', 'clock_adjtime', 'sethostname', 'setdomainname'] },
  { calls: ['ioctl'], when: [oneOf(1, ...TERMINAL_INPUT)] },
];
