export { type CheckFault, type CheckRule, checkProgram, checkRules } from './check.js';
export { convertedLength } from './cost.js';
export { decodeProgram, encodeProgram, fromTuples, parseProgram, type Tuple, toTuples } from './encode.js';
export { formatInstruction, formatProgram, type ProgramFormat } from './format.js';
export { type Instruction, jump, type Program, statement } from './instruction.js';
export { interpret, UNDECIDED } from './interpret.js';
export {
  Ancillary,
  BPF,
  isAncillary,
  MAX_INSTRUCTIONS,
  MEMORY_WORDS,
  SKF_AD_OFF,
  SKF_LL_OFF,
  SKF_NET_OFF,
} from './opcodes.js';
export type { Packet, PacketMetadata } from './packet.js';
