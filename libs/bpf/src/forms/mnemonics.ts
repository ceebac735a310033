import { BPF } from '../opcodes.js';

/** Words for operations, as bpf_asm, tcpdump and libpcap write them. */
export const LOADS = new Map<string, number>([
  ['ld', BPF.LD | BPF.W],
  ['ldw', BPF.LD | BPF.W],
  ['ldh', BPF.LD | BPF.H],
  ['ldb', BPF.LD | BPF.B],
]);
export const ARITHMETIC = new Map<string, number>([
  ['add', BPF.ADD],
  ['sub', BPF.SUB],
  ['mul', BPF.MUL],
  ['div', BPF.DIV],
  ['mod', BPF.MOD],
  ['and', BPF.AND],
  ['or', BPF.OR],
  ['xor', BPF.XOR],
  ['lsh', BPF.LSH],
  ['rsh', BPF.RSH],
]);
/** The test, and whether it is the opposite one with its targets swapped: `jne` is `jeq` the other way round. */
export const TESTS = new Map<string, readonly [test: number, isSwapped: boolean]>([
  ['jeq', [BPF.JEQ, false]],
  ['jgt', [BPF.JGT, false]],
  ['jge', [BPF.JGE, false]],
  ['jset', [BPF.JSET, false]],
  ['jne', [BPF.JEQ, true]],
  ['jneq', [BPF.JEQ, true]],
  ['jle', [BPF.JGT, true]],
  ['jlt', [BPF.JGE, true]],
]);

/** bpf_asm's and libpcap's names for metadata: the offset behind `SKF_AD_OFF`. */
export const EXTENSIONS = new Map<string, number>([
  ['proto', 0],
  ['type', 4],
  ['ifidx', 8],
  ['nla', 12],
  ['nlan', 16],
  ['mark', 20],
  ['queue', 24],
  ['hatype', 28],
  ['rxhash', 32],
  ['cpu', 36],
  ['xor_x', 40],
  ['vlan_tci', 44],
  ['vlan_avail', 48],
  ['vlan_pr', 48],
  ['vlanp', 48],
  ['poff', 52],
  ['rand', 56],
  ['random', 56],
  ['vlan_tpid', 60],
]);
