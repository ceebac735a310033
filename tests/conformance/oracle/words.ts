import { BPF, type Packet, type Program } from '@bpfleet/bpf';
import { run } from './machine.js';

/**
 * What a run of libpcap's program does with the words of M[] in which offsets are kept. libpcap uses the same words for
 * calculations, and does not see to it that the term which fills a word was tried.
 */
export interface WordUse {
  /** A word is read as an offset that holds a number of a calculation before. */
  readonly readsCalculation: boolean;
  /** A word of a tunnel's offset is read that the 802.11 header filled, since the tunnel in front was not found. */
  readonly readsUnfilled: boolean;
  /** A `geneve` was found, and filled its words. */
  readonly findsTunnel: boolean;
  /** The 802.11 payload's offset is led past padding (`gen_load_802_11_header_len`), where there is some. */
  readonly alignsPayload: boolean;
  /** The run ended at a load outside the packet: what is behind that read no word. */
  readonly endsOutside: boolean;
}

export function wordsUsed(program: Program, packet: Packet): WordUse {
  const tunnels = tunnelStores(program);
  const filled: ({ readonly at: number; readonly block: number; readonly isCalculation: boolean } | undefined)[] = [];
  const alignsPayload = program.some(({ code, k }) => code === (BPF.ALU | BPF.AND) && k === 0xffff_fffc);
  const use = { readsCalculation: false, readsUnfilled: false, findsTunnel: false, alignsPayload, endsOutside: false };
  let block = 0;
  const { ending } = run(program, packet, (at) => {
    const { code = 0, k = 0 } = program[at] ?? {};
    if (isConditional(code)) block++;
    if (isStore(code)) {
      filled[k] = { at, block, isCalculation: !tunnels.has(at) && isReadInItsBlock(program, at) };
      if (tunnels.has(at)) use.findsTunnel = true;
    }
    const last = filled[k];
    if (!isFetch(code) || last === undefined) return;
    if (last.isCalculation && last.block !== block) use.readsCalculation = true;
    const isTunnels = [...tunnels].some((store) => store > last.at && store < at && program[store]?.k === k);
    if (isTunnels && !tunnels.has(last.at)) use.readsUnfilled = true;
  });
  return { ...use, endsOutside: ending === 'outside' };
}

const isStore = (code: number) => (code & 0x07) === BPF.ST || (code & 0x07) === BPF.STX;
const isFetch = (code: number) => (code & 0x06) === BPF.LD && (code & 0xe0) === BPF.MEM;
const isConditional = (code: number) => (code & 0x07) === BPF.JMP && (code & 0xf0) !== BPF.JA;

/** What a calculation keeps, it reads before its block ends; an offset is kept for other blocks. */
function isReadInItsBlock(program: Program, store: number): boolean {
  const word = program[store]?.k;
  for (let at = store + 1; at < program.length; at++) {
    const { code = 0, k } = program[at] ?? {};
    if ((code & 0x07) === BPF.JMP || (code & 0x07) === BPF.RET) return false;
    if (k !== word) continue;
    if (isFetch(code)) return true;
    if (isStore(code)) return false;
  }
  return false;
}

/** The stores of `gen_geneve_offsets`: the type's place, the header's, the type's again in an Ethernet frame, the payload's. */
function tunnelStores(program: Program): ReadonlySet<number> {
  const stores = new Set<number>();
  for (const at of program.keys()) {
    const isOptionLength = [
      [BPF.ALU | BPF.AND, 0x3f],
      [BPF.ALU | BPF.MUL, 4],
      [BPF.ALU | BPF.ADD, 8],
    ].every(([code, k], index) => program[at + index]?.code === code && program[at + index]?.k === k);
    if (!isOptionLength) continue;
    for (let near = at - 2; near < at + 14; near++) if (isStore(program[near]?.code ?? 0)) stores.add(near);
  }
  return stores;
}
