import { BPF, type Instruction, type Program } from '@bpfleet/bpf';
import type { Finding, FindingId, Note } from './finding.js';
import { lintProtocolJump, lintTargets } from './jumps.js';
import { type Found, isSameFound, isSameLoad, lintFound, lintRange } from './questions.js';

/** Ethernet and IPv4 without options, by offset (IEEE 802.3, RFC 791, RFC 9293). */
const FIELDS: Readonly<Record<number, string>> = {
  0: 'destination MAC address',
  6: 'source MAC address',
  12: 'EtherType',
  14: 'IP version and header length',
  16: 'total length',
  18: 'identification',
  20: 'flags and fragment offset',
  22: 'time to live',
  23: 'protocol',
  24: 'header checksum',
  26: 'source address',
  30: 'destination address',
  34: 'source port, when the IP header has no options',
  36: 'destination port, when the IP header has no options',
};
const TRANSPORTS: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };
const [ETHERTYPE, FRAGMENT, PROTOCOL, SOURCE_PORT] = [12, 20, 23, 34];
/** Under this an Ethernet frame's headers are not whole. */
const LEAST_SNAPLEN = 54;

/** What is known on the way to an instruction. */
interface Way {
  /** The last absolute load into A, undefined where A holds something else. */
  readonly loaded: number | undefined;
  readonly askedEtherType: boolean;
  readonly askedFragment: boolean;
  readonly transport: string | undefined;
  /** The last question about A, as it was loaded, that found it equal to a number. */
  readonly found: Found | undefined;
  /** The load that A still is, as it was loaded. */
  readonly whole: Instruction | undefined;
}

/**
 * Looks for mistakes people make in hand-written Ethernet filters: fields read at the wrong place, ports without the
 * checks that make them ports, jumps that land elsewhere than meant, code that never runs. The program need not be valid.
 */
export function lintProgram(program: Program): readonly Finding[] {
  const findings: Finding[] = [];
  const note = (id: FindingId, instruction: number, message: string, hint?: string) => {
    if (findings.some((one) => one.id === id && one.instruction === instruction)) return;
    findings.push({ id, instruction, message, ...(hint !== undefined && { hint }) });
  };
  const ways: (Way | undefined)[] = new Array(program.length);
  const nothing = { loaded: undefined, transport: undefined, found: undefined, whole: undefined };
  ways[0] = { ...nothing, askedEtherType: false, askedFragment: false };
  for (const [pc, instruction] of program.entries()) {
    const way = ways[pc];
    if (way === undefined) {
      note('DEAD_CODE', pc, 'no jump leads here, so it never runs');
      continue;
    }
    const after = lintInstruction(instruction, pc, way, program, note);
    for (const [target, facts] of after) if (target < program.length) ways[target] = meet(ways[target], facts);
  }
  return findings.sort((a, b) => a.instruction - b.instruction);
}

function meet(a: Way | undefined, b: Way): Way {
  if (a === undefined) return b;
  return {
    loaded: a.loaded === b.loaded ? a.loaded : undefined,
    askedEtherType: a.askedEtherType && b.askedEtherType,
    askedFragment: a.askedFragment && b.askedFragment,
    transport: a.transport === b.transport ? a.transport : undefined,
    found: isSameFound(a.found, b.found) ? a.found : undefined,
    whole: isSameLoad(a.whole, b.whole) ? a.whole : undefined,
  };
}

function lintInstruction(
  instruction: Instruction,
  pc: number,
  way: Way,
  program: Program,
  note: Note,
): readonly (readonly [number, Way])[] {
  const { code, k } = instruction;
  switch (code & 0x07) {
    case BPF.RET:
      if ((code & 0x18) === BPF.K && k > 0 && k < LEAST_SNAPLEN) {
        note('SNAPLEN_SMALL', pc, `keeps ${k} bytes of a packet, less than its headers`, 'ret #262144 keeps all of it');
      }
      return [];
    case BPF.LD:
      return [[pc + 1, afterLoad(instruction, pc, way, note)]];
    case BPF.JMP:
      return afterJump(instruction, pc, way, program, note);
    case BPF.ALU:
      // A mask keeps the field; anything else makes another number of it.
      return [[pc + 1, { ...way, whole: undefined, ...((code & 0xf0) !== BPF.AND && { loaded: undefined }) }]];
    default:
      return [[pc + 1, code === (BPF.MISC | BPF.TXA) ? { ...way, loaded: undefined, whole: undefined } : way]];
  }
}

function afterLoad(load: Instruction, pc: number, way: Way, note: Note): Way {
  const { code, k } = load;
  const mode = code & 0xe0;
  if (mode === BPF.IND && way.transport !== undefined && !way.askedFragment) {
    note('UNGUARDED_FRAGMENT', pc, FRAGMENT_MESSAGE, FRAGMENT_HINT);
  }
  if (mode !== BPF.ABS) return { ...way, loaded: undefined, whole: undefined };
  if (k >= ETHERTYPE + 2 && k < 0x1000 && !way.askedEtherType) {
    note(
      'MISSING_ETHERTYPE',
      pc,
      `reads offset ${k} before the EtherType is known: of other protocols it is something else`,
      'ldh [12]; jeq #0x800',
    );
  }
  if (k >= SOURCE_PORT && way.transport !== undefined) {
    note(
      'UNGUARDED_HEADER_LENGTH',
      pc,
      `offset ${k} is behind the IP header only when that has no options`,
      'ldxb 4*([14]&0xf); ldh [x + 16]',
    );
    if (!way.askedFragment) note('UNGUARDED_FRAGMENT', pc, FRAGMENT_MESSAGE, FRAGMENT_HINT);
  }
  return { ...way, loaded: k, whole: load };
}

const FRAGMENT_MESSAGE = 'later fragments have data where the ports would be';
const FRAGMENT_HINT = 'ldh [20]; jset #0x1fff, reject';

function afterJump(
  instruction: Instruction,
  pc: number,
  way: Way,
  program: Program,
  note: Note,
): readonly (readonly [number, Way])[] {
  const { code, jt, jf, k } = instruction;
  const operation = code & 0xf0;
  lintTargets(instruction, pc, program, note);
  if (operation === BPF.JA) return [[pc + 1 + k, way]];
  const [onYes, onNo] = [pc + 1 + jt, pc + 1 + jf];
  if (jt === jf) note('ALWAYS_SAME_WAY', pc, `both answers lead to instruction ${onYes}, so the question does nothing`);
  const isConstant = (code & BPF.X) === 0;
  if (!isConstant)
    return [
      [onYes, way],
      [onNo, way],
    ];
  const { loaded } = way;
  const isEqual = operation === BPF.JEQ;
  lintPort(instruction, pc, way, note);
  lintRange(instruction, pc, program, note);
  lintFound(instruction, pc, way, note);
  if (isEqual && (loaded === ETHERTYPE || loaded === PROTOCOL)) lintProtocolJump(instruction, pc, program, note);
  const asked = {
    ...way,
    askedEtherType: way.askedEtherType || loaded === ETHERTYPE,
    askedFragment: way.askedFragment || (loaded === FRAGMENT && operation === BPF.JSET),
  };
  const transport = isEqual && loaded === PROTOCOL ? TRANSPORTS[k] : undefined;
  const found = isEqual && way.whole !== undefined ? { load: way.whole, value: k } : way.found;
  return [
    [onYes, { ...asked, found, ...(transport !== undefined && { transport }) }],
    [onNo, asked],
  ];
}

/** A number compared where no port is, behind a test for a protocol with ports. */
function lintPort({ code, k }: Instruction, pc: number, { loaded, transport }: Way, note: Note): void {
  if ((code & 0xf0) !== BPF.JEQ || loaded === undefined || transport === undefined || k === 0 || k > 0xffff) return;
  if (loaded === SOURCE_PORT || loaded === SOURCE_PORT + 2 || loaded <= ETHERTYPE || loaded === PROTOCOL) return;
  const field = FIELDS[loaded];
  if (field === undefined || loaded >= SOURCE_PORT) return;
  const name = transport.toUpperCase();
  note(
    'WRONG_FIELD',
    pc,
    `offset ${loaded} of an Ethernet/IPv4 frame is the ${field} field; the ${name} destination port is at 36 when the IP header has no options; also unguarded by fragment and header-length checks`,
    `${transport} dst port ${k}`,
  );
}
