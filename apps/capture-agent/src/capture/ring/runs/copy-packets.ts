import { wasm } from '@bpfleet/bpf';
import { PacketType, RING_PACKET } from '@bpfleet/linux';
import { BLOCK, BlockType, EPB } from '@bpfleet/section';
import { END_RANGE } from '../../sections/open-section.js';
import { LEFT_OUT, NO_BLOCK, PLAN } from '../../sections/run.js';
import { RESULT } from './copied-words.js';

const { block, branch, branchIf, f64, get, i32, i64, load, loop, set, store, when } = wasm;
type Code = wasm.Code;
const NS_PER_SECOND = 1_000_000_000n;
const VECTOR_BYTES = 16;
/** Of an EPB, its length behind the packet included. */
const EPB_BYTES = EPB.data + 4;

const parameters = [
  // Addresses: a packet's header in the ring, where its block goes, and what that must not reach or go beyond.
  ...['packet', 'left', 'out', 'stopAt', 'limit'],
  ...['inId', 'outId', 'snaplen', 'blockPackets', 'commit', 'base', 'results', 'plan'],
] as const;
const words = [
  'isOut',
  'id',
  'wants',
  'captured',
  'wire',
  'length',
  'source',
  'target',
  'end',
  'copied',
  'kept',
  'truncated',
] as const;
const times = ['time', 'oldest', 'newest'] as const;
const locals = [...parameters, ...words, ...times] as readonly string[];

const of = (name: string): Code => get(locals.indexOf(name));
const let_ = (name: string, value: Code): Code => set(locals.indexOf(name), value);
const plus = (name: string, value: Code): Code => let_(name, i32.add(of(name), value));
const field = (offset: number): Code => load.i32(offset, of('packet'));
const word = (offset: number, value: Code): Code => store.i32(offset, of('out'), value);

const measure = [
  ...let_('captured', field(RING_PACKET.capturedLength)),
  ...when(i32.gtU(of('captured'), of('snaplen')), let_('captured', of('snaplen'))),
  ...let_('wire', field(RING_PACKET.wireLength)),
  ...let_('length', i32.add(i32.and(i32.add(of('captured'), i32.const(3)), i32.const(-4)), i32.const(EPB_BYTES))),
];

const seconds = i64.extendU(field(RING_PACKET.seconds));
const nanoseconds = i64.extendU(field(RING_PACKET.nanoseconds));

/** As `SectionWriter.append`. */
const header = [
  ...let_('time', i64.add(i64.mul(seconds, i64.const(NS_PER_SECOND)), nanoseconds)),
  // Padding is zero (3.6.2): the last word first, the packet then covers what it has.
  ...store.i32(0, i32.add(of('out'), i32.sub(of('length'), i32.const(8))), i32.const(0)),
  ...word(BLOCK.type, i32.const(BlockType.enhancedPacket)),
  ...word(BLOCK.length, of('length')),
  ...word(EPB.interfaceId, of('id')),
  ...word(EPB.timeHigh, i32.wrapI64(i64.shrU(of('time'), i64.const(32n)))),
  ...word(EPB.timeLow, i32.wrapI64(of('time'))),
  ...word(EPB.captured, of('captured')),
  ...word(EPB.wire, of('wire')),
];

const copyLoop = (bytes: number, copy: Code): Code =>
  block(
    loop(
      branchIf(1, i32.geU(of('source'), of('end'))),
      copy,
      plus('source', i32.const(bytes)),
      plus('target', i32.const(bytes)),
      branch(0),
    ),
  );

const bytes = [
  ...let_('source', i32.add(of('packet'), load.u16(RING_PACKET.mac, of('packet')))),
  ...let_('target', i32.add(of('out'), i32.const(EPB.data))),
  ...let_('end', i32.add(of('source'), i32.and(of('captured'), i32.const(-VECTOR_BYTES)))),
  ...copyLoop(VECTOR_BYTES, store.v128(0, of('target'), load.v128(0, of('source')))),
  ...plus('end', i32.and(of('captured'), i32.const(VECTOR_BYTES - 1))),
  ...copyLoop(1, store.u8(0, of('target'), load.u8(0, of('source')))),
  ...store.i32(0, i32.add(of('out'), i32.sub(of('length'), i32.const(4))), of('length')),
];

const blockPackets = f64.convertU(i32.add(of('blockPackets'), of('copied')));
const counted = [
  ...plus('out', of('length')),
  ...let_('left', i32.sub(of('left'), i32.const(1))),
  ...plus('copied', i32.const(1)),
  ...plus('kept', of('captured')),
  ...plus('truncated', i32.ltU(of('captured'), of('wire'))),
  ...when(i64.ltU(of('time'), of('oldest')), let_('oldest', of('time'))),
  ...when(i64.gtU(of('time'), of('newest')), let_('newest', of('time'))),
  // Last, in one store, as `OpenSection.commit`: a process that is killed has taken a packet, or it has not.
  ...store.f64(
    0,
    of('commit'),
    f64.add(f64.convertU(i32.sub(of('out'), of('base'))), f64.mul(blockPackets, f64.const(END_RANGE))),
  ),
];

const direct = [
  ...let_('isOut', i32.eq(load.u8(RING_PACKET.packetType, of('packet')), i32.const(PacketType.outgoing))),
  ...let_('id', of('inId')),
  ...when(of('isOut'), let_('id', of('outId'))),
  ...when(
    i32.eq(of('id'), i32.const(NO_BLOCK)),
    let_('wants', i32.add(of('isOut'), i32.const(1))),
    // Out of the loop, too.
    branch(2),
  ),
];

const WORD_BYTES = 4;
/** Each packet of its own; where there is no plan, its address is 0. */
const planned = when(
  of('plan'),
  let_('id', load.i32(WORD_BYTES * PLAN.id, of('plan'))),
  let_('snaplen', load.i32(WORD_BYTES * PLAN.kept, of('plan'))),
  plus('plan', i32.const(WORD_BYTES * PLAN.words)),
);
const body = [
  ...let_('oldest', i64.const(-1n)),
  ...block(
    loop(
      branchIf(1, i32.eqz(of('left'))),
      direct,
      // The others were passed over by `PacketBlock.next`.
      when(
        i32.eqz(i32.eq(of('id'), i32.const(LEFT_OUT))),
        planned,
        measure,
        branchIf(2, i32.gtU(i32.add(of('out'), of('length')), of('limit'))),
        header,
        bytes,
        counted,
      ),
      plus('packet', field(RING_PACKET.next)),
      branchIf(1, i32.geU(of('out'), of('stopAt'))),
      branch(0),
    ),
  ),
];

const NS = i64.const(NS_PER_SECOND);
/** What is told besides the number of packets, as words at `results`; times of none are of no use. */
const results: Readonly<Record<keyof typeof RESULT, Code>> = {
  endBytes: i32.sub(of('out'), of('base')),
  next: of('packet'),
  keptBytes: of('kept'),
  truncated: of('truncated'),
  wants: of('wants'),
  oldestSeconds: i32.wrapI64(i64.divU(of('oldest'), NS)),
  oldestNanoseconds: i32.wrapI64(i64.remU(of('oldest'), NS)),
  newestSeconds: i32.wrapI64(i64.divU(of('newest'), NS)),
  newestNanoseconds: i32.wrapI64(i64.remU(of('newest'), NS)),
};
const resultNames = Object.keys(RESULT) as readonly (keyof typeof RESULT)[];

/**
 * Copies packets of a ring's block, one behind the other, into a section. The memory has both: `base` is where the section's buffer
 * begins, `commit` is of its state. With a `plan`, `inId` and `outId` only tell which packets are left out.
 * @returns the module's export `copy`: how many packets were copied
 */
export const copyPackets = (): Uint8Array<ArrayBuffer> =>
  wasm.wasmModule(
    'copy',
    wasm.encodeFunction({
      parameters: parameters.length,
      locals: [...words.map(() => 'i32' as const), ...times.map(() => 'i64' as const)],
      body: [
        ...body,
        ...resultNames.flatMap((name) => store.i32(WORD_BYTES * RESULT[name], of('results'), results[name])),
        ...of('copied'),
      ],
    }),
  );
