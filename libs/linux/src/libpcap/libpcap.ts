import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BpfleetError } from '@bpfleet/errors';
import { foreignFunctions } from '../calls/libc.js';
import { declareLibpcap, type Handle, type LibpcapCalls, readProgram } from './calls.js';

/** `PCAP_NETMASK_UNKNOWN`, pcap/pcap.h. */
const NETMASK_UNKNOWN = 0xffff_ffff;
const SNAPLEN_BYTES = 262_144;
/** `DLT_EN10MB`. */
const ETHERNET = 1;
/** The one link type of ours whose number in a file (pcap-linktype(7)) is not the host's. */
const DLT_RAW = 12;
const LINKTYPE_RAW = 101;
/** pcap/pcap.h; messages of `pcap_create` and `pcap_open_offline`. */
const PCAP_ERRBUF_SIZE = 256;

export interface LibpcapOptions {
  /** A DLT number of this host; default EN10MB. They differ from a savefile's for RAW (12 here, 101 in a file). */
  readonly linkType?: number;
  readonly optimize?: boolean;
  /** `255.255.255.0` as a number; without it `ip broadcast` is refused. */
  readonly netmask?: number;
  readonly snaplen?: number;
  /** Compiles as for a capture on the loopback interface, with the kernel's metadata (`SKF_AD_*`). Needs CAP_NET_RAW. */
  readonly live?: boolean;
  /**
   * Compiles as for a savefile, written on this host or on one of the other byte order: matters for `inbound` and `ifindex`,
   * which a file does not know, and for the address families of NULL. Without it: as for `pcap_open_dead`.
   */
  readonly savefile?: 'native' | 'swapped';
}

export type LibpcapAnswer = { readonly program: [number, number, number, number][] } | { readonly refusal: string };

/**
 * The installed libpcap, called inside this process: an oracle for tests and a peer for benchmarks, never part of the product's
 * own path.
 * `pcap_compile` looks names up as the machine does, so a name in no table asks DNS; and a crash inside libpcap (it recurses)
 * ends this process.
 */
export class Libpcap {
  readonly #handles = new Map<string, Handle>();
  private constructor(
    private readonly calls: LibpcapCalls,
    /** As `pcap_lib_version` says it. */
    readonly version: string,
  ) {}

  /** @throws BpfleetError `PLATFORM_UNSUPPORTED` when there is no libpcap.so.0.8 (or .1) */
  static open(): Libpcap {
    const koffi = foreignFunctions();
    let cause: unknown;
    for (const name of ['libpcap.so.0.8', 'libpcap.so.1']) {
      try {
        const calls = declareLibpcap(koffi, koffi.load(name));
        return new Libpcap(calls, calls.pcap_lib_version());
      } catch (error) {
        cause = error;
      }
    }
    throw new BpfleetError('PLATFORM_UNSUPPORTED', `libpcap is not installed: ${cause}`, { cause });
  }

  compile(expression: string, options: LibpcapOptions = {}): LibpcapAnswer {
    const { optimize = true, netmask = NETMASK_UNKNOWN } = options;
    const handle = this.#handle(options);
    // A C string ends at its first zero byte: the rest would be ignored, not refused.
    if (expression.includes('\0')) return { refusal: 'the expression has a zero byte' };
    const program = { bf_len: 0, bf_insns: null as unknown };
    const result = this.calls.pcap_compile(handle, program, expression, optimize ? 1 : 0, netmask);
    if (result < 0) return { refusal: this.calls.pcap_geterr(handle) };
    const tuples = readProgram(this.calls, program);
    this.calls.pcap_freecode(program);
    return { program: tuples };
  }

  close(): void {
    for (const handle of this.#handles.values()) this.calls.pcap_close(handle);
    this.#handles.clear();
  }

  /** One for each way to compile: opening costs more than compiling. */
  #handle({ linkType = ETHERNET, snaplen = SNAPLEN_BYTES, live = false, savefile }: LibpcapOptions): Handle {
    const key = `${live ? 'live' : linkType} ${snaplen} ${savefile}`;
    const known = this.#handles.get(key);
    if (known !== undefined) return known;
    const handle = live
      ? this.#activate(snaplen)
      : savefile !== undefined
        ? this.#openSavefile(savefileHeader(linkType, snaplen, savefile))
        : this.calls.pcap_open_dead(linkType, snaplen);
    if (handle === null) throw new BpfleetError('PLATFORM_UNSUPPORTED', `libpcap gives no handle for DLT ${linkType}`);
    this.#handles.set(key, handle);
    return handle;
  }

  /** Only an activated handle compiles to loads of the kernel's metadata (`BPF_SPECIAL_VLAN_HANDLING`). */
  #activate(snaplen: number): Handle {
    const handle = this.calls.pcap_create('lo', Buffer.alloc(PCAP_ERRBUF_SIZE));
    if (handle === null) throw new BpfleetError('PLATFORM_UNSUPPORTED', 'pcap_create knows no interface lo');
    this.calls.pcap_set_snaplen(handle, snaplen);
    if (this.calls.pcap_activate(handle) < 0) {
      const message = this.calls.pcap_geterr(handle);
      this.calls.pcap_close(handle);
      throw new BpfleetError('PLATFORM_UNSUPPORTED', `libpcap cannot capture on lo: ${message}`);
    }
    return handle;
  }

  #openSavefile(header: Uint8Array): Handle | null {
    const folder = mkdtempSync(join(tmpdir(), 'bpfleet-libpcap-'));
    try {
      const file = join(folder, 'empty.pcap');
      writeFileSync(file, header);
      return this.calls.pcap_open_offline(file, Buffer.alloc(PCAP_ERRBUF_SIZE));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

/** `struct pcap_file_header`, pcap/pcap.h, and no packet. */
function savefileHeader(linkType: number, snaplen: number, order: 'native' | 'swapped'): Uint8Array {
  const header = new DataView(new ArrayBuffer(24));
  const isLittleEndian = order === 'native';
  header.setUint32(0, 0xa1b2_c3d4, isLittleEndian);
  header.setUint16(4, 2, isLittleEndian);
  header.setUint16(6, 4, isLittleEndian);
  header.setUint32(16, snaplen, isLittleEndian);
  header.setUint32(20, linkType === DLT_RAW ? LINKTYPE_RAW : linkType, isLittleEndian);
  return new Uint8Array(header.buffer);
}
