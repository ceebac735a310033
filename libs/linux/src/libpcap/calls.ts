/** `pcap_t *`, opaque. */
export type Handle = object;

/** `struct bpf_program`, pcap/bpf.h; `pcap_compile` fills it and owns what it points to. */
export interface BpfProgram {
  readonly bf_len: number;
  readonly bf_insns: unknown;
}

/** The functions of libpcap we use, as declared in their manual pages (section 3PCAP). */
export interface LibpcapCalls {
  pcap_lib_version(): string;
  pcap_open_dead(linkType: number, snaplen: number): Handle | null;
  pcap_open_offline(file: string, errorText: Uint8Array): Handle | null;
  pcap_create(source: string, errorText: Uint8Array): Handle | null;
  pcap_set_snaplen(handle: Handle, snaplen: number): number;
  pcap_activate(handle: Handle): number;
  pcap_compile(handle: Handle, program: BpfProgram, text: string, optimize: number, netmask: number): number;
  pcap_geterr(handle: Handle): string;
  pcap_freecode(program: BpfProgram): void;
  pcap_close(handle: Handle): void;
  /** `bf_insns` as numbers. */
  words(program: BpfProgram): Uint32Array;
}

type Koffi = typeof import('koffi');

export function declareLibpcap(koffi: Koffi, library: ReturnType<Koffi['load']>): LibpcapCalls {
  // Anonymous types: a worker thread, or a second test file in the same process, declares them again.
  const handle = koffi.pointer(koffi.opaque());
  const program = koffi.struct({ bf_len: 'uint32_t', bf_insns: 'void *' });
  const inout = koffi.inout(koffi.pointer(program));
  return {
    pcap_lib_version: library.func('const char *pcap_lib_version()'),
    pcap_open_dead: library.func('pcap_open_dead', handle, ['int', 'int']),
    pcap_open_offline: library.func('pcap_open_offline', handle, ['const char *', 'void *']),
    pcap_create: library.func('pcap_create', handle, ['const char *', 'void *']),
    pcap_set_snaplen: library.func('pcap_set_snaplen', 'int', [handle, 'int']),
    pcap_activate: library.func('pcap_activate', 'int', [handle]),
    pcap_compile: library.func('pcap_compile', 'int', [handle, inout, 'const char *', 'int', 'uint32_t']),
    pcap_geterr: library.func('pcap_geterr', 'const char *', [handle]),
    pcap_freecode: library.func('pcap_freecode', 'void', [inout]),
    pcap_close: library.func('pcap_close', 'void', [handle]),
    words: ({ bf_len, bf_insns }) => koffi.decode(bf_insns as never, 'uint32_t', 2 * bf_len) as Uint32Array,
  };
}

/** `struct bpf_insn`: u_short code, u_char jt, u_char jf, bpf_u_int32 k; little-endian words. */
export function readProgram(calls: LibpcapCalls, program: BpfProgram): [number, number, number, number][] {
  const words = calls.words(program);
  return Array.from({ length: program.bf_len }, (_, index) => {
    const head = words[2 * index] ?? 0;
    return [head & 0xffff, (head >>> 16) & 0xff, head >>> 24, words[2 * index + 1] ?? 0];
  });
}
