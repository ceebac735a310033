import { type Program, VERDICT, verdictFunction, wasm } from '@bpfleet/bpf';
import { BLOCK, BlockType, EPB, SNAPLEN_BYTES } from '@bpfleet/section';

const { block, branch, branchIf, call, get, i32, load, loop, set, store, when } = wasm;
type Code = wasm.Code;

/** Why the loop stopped. */
export const STOPPED = {
  atEnd: 0,
  /** At an interface block, which somebody else reads. */
  atInterface: 1,
  /** At what is in no section of ours, or damaged. */
  atFault: 2,
} as const;

/** Of an interface: whose its packets are. */
export const LANE = {
  /** Nobody's: they are passed over. */
  none: 0,
  /** The program's. */
  program: 1,
  /** Another machine's. */
  other: 2,
} as const;

/** What passes the sieve, word by word: where its block begins, its number in the section, its VERDICT. */
export const PASSED = { at: 0, index: 1, verdict: 2, words: 3 } as const;
/** What is told at the end. */
export const RESULT = { at: 0, index: 1, packets: 2, out: 3, words: 4 } as const;

const WORD_BYTES = 4;
const parameters = ['at', 'end', 'index', 'out', 'interfaces', 'lanes', 'results'] as const;
const words = ['status', 'length', 'type', 'captured', 'wire', 'need', 'lane', 'packets', 'verdict'] as const;
const locals: readonly string[] = [...parameters, ...words];
const place = (name: string): number => locals.indexOf(name);
const of = (name: string): Code => get(place(name));
const let_ = (name: string, value: Code): Code => set(place(name), value);
const field = (offset: number): Code => load.i32(offset, of('at'));
const left = i32.sub(of('end'), of('at'));
const is = (type: number): Code => i32.eq(of('type'), i32.const(type));

/** Each with the label that ends the loop. As `walkBlocks` checks a block. */
const checkedBlock = (end: number): Code => [
  ...branchIf(end, i32.ltU(left, i32.const(BLOCK.smallest))),
  ...let_('length', field(BLOCK.length)),
  ...branchIf(end, i32.ltU(of('length'), i32.const(BLOCK.smallest))),
  ...branchIf(end, i32.and(of('length'), i32.const(3))),
  ...branchIf(end, i32.gtU(of('length'), left)),
  ...branchIf(end, i32.ne(load.i32(0, i32.add(of('at'), i32.sub(of('length'), i32.const(4)))), of('length'))),
  ...let_('type', field(BLOCK.type)),
];

/** As `place` checks an enhanced packet block. */
const checkedPacket = (end: number): Code => [
  ...branchIf(end, i32.ltU(of('length'), i32.const(EPB.data + 4))),
  ...branchIf(end, i32.geU(field(EPB.interfaceId), of('interfaces'))),
  ...let_('captured', field(EPB.captured)),
  ...let_('wire', field(EPB.wire)),
  ...branchIf(end, i32.gtU(of('captured'), i32.const(SNAPLEN_BYTES))),
  ...branchIf(end, i32.ltU(of('wire'), of('captured'))),
  ...branchIf(end, i32.gtU(field(EPB.timeHigh), i32.const(0x7fff_ffff))),
  ...let_('need', i32.add(i32.and(i32.add(of('captured'), i32.const(3)), i32.const(-4)), i32.const(EPB.data + 4))),
  ...branchIf(end, i32.ltU(of('length'), of('need'))),
];

const output = (word: number, value: Code): Code => store.i32(WORD_BYTES * word, of('out'), value);

/** The module's second function. */
const PROGRAM = 1;
/** A packet with options may have lost its tag to them: it is another machine's. */
const judged: Code = [
  ...let_('packets', i32.add(of('packets'), i32.const(1))),
  ...let_('verdict', i32.const(VERDICT.ask)),
  ...when(
    i32.eqz(i32.or(i32.ne(of('lane'), i32.const(LANE.program)), i32.ne(of('length'), of('need')))),
    let_('verdict', call(PROGRAM, i32.add(of('at'), i32.const(EPB.data)), of('captured'), of('wire'))),
  ),
  ...when(
    of('verdict'),
    output(PASSED.at, of('at')),
    output(PASSED.index, of('index')),
    output(PASSED.verdict, of('verdict')),
    let_('out', i32.add(of('out'), i32.const(WORD_BYTES * PASSED.words))),
  ),
];

const status = (value: number): Code => let_('status', i32.const(value));
const others = [BlockType.sectionHeader, BlockType.packet, BlockType.simplePacket];

const body: Code = [
  ...block(
    loop(
      status(STOPPED.atEnd),
      branchIf(1, i32.geU(of('at'), of('end'))),
      status(STOPPED.atFault),
      checkedBlock(1),
      when(is(BlockType.interfaceDescription), status(STOPPED.atInterface), branch(2)),
      when(
        is(BlockType.enhancedPacket),
        checkedPacket(2),
        let_('lane', load.u8(0, i32.add(of('lanes'), field(EPB.interfaceId)))),
        when(of('lane'), judged),
        let_('index', i32.add(of('index'), i32.const(1))),
      ),
      ...others.map((type) => branchIf(1, is(type))),
      let_('at', i32.add(of('at'), of('length'))),
      branch(0),
    ),
  ),
  ...(['at', 'index', 'packets', 'out'] as const).flatMap((name) =>
    store.i32(WORD_BYTES * RESULT[name], of('results'), of(name)),
  ),
  ...of('status'),
];

/** A loop over the blocks of a section in memory, which calls the program. */
const sieve = wasm.encodeFunction({
  parameters: parameters.length,
  locals: words.map(() => 'i32' as const),
  body,
});

/** @returns the module's export `sieve`, which answers STOPPED; undefined where the program cannot be WebAssembly */
export function sieveModule(program: Program): Uint8Array<ArrayBuffer> | undefined {
  const judge = verdictFunction(program);
  return judge && wasm.wasmModule('sieve', sieve, judge);
}
