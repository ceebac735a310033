export { checkProgram } from './check/check.js';
export { type CheckFault, type CheckRule, checkRules } from './check/check-fault.js';
export { convertedLength, greatestConvertedLength } from './check/cost.js';
export { EbpfBuilder, type Label } from './ebpf/builder.js';
export { encodeEbpf } from './ebpf/encode.js';
export { EBPF, type EbpfInstruction, type EbpfProgram, Helper, SkBuff } from './ebpf/instruction.js';
export { type EbpfFilter, type EbpfMap, withDescriptors } from './ebpf/maps.js';
export { assembleEbpf } from './ebpf/text/assemble.js';
export { formatEbpf } from './ebpf/text/format.js';
export { type EbpfTuple, readEbpf, toEbpfTuples } from './ebpf/text/read-ebpf.js';
export { type TranslateOptions, toEbpf, translateToEbpf } from './ebpf/to-ebpf.js';
export { assemble } from './forms/assemble.js';
export { decodeProgram, encodeProgram, fromTuples, parseProgram, type Tuple, toTuples } from './forms/encode.js';
export { formatInstruction, formatProgram, type ProgramFormat } from './forms/format.js';
export { readProgram } from './forms/read-program.js';
export { type Instruction, jump, type Program, statement } from './instruction.js';
export { jit, jitSource, type PacketFunction } from './jit/jit.js';
export { jitAll, type PacketClassifier } from './jit/jit-all.js';
export { jitThreeValued } from './jit/jit-three-valued.js';
export { contains, type NumberSet } from './number-set.js';
export {
  Ancillary,
  BPF,
  isAncillary,
  MAX_INSTRUCTIONS,
  MEMORY_WORDS,
  SKF_AD_OFF,
  SKF_LL_OFF,
  SKF_NET_OFF,
  withoutSize,
} from './opcodes.js';
export { interpret, UNDECIDED } from './run/interpret.js';
export type { Packet, PacketMetadata } from './run/packet.js';
export { AGENT_REFUSALS, type ArgumentTest, type Refusal } from './seccomp/refusals.js';
export { seccompProgram } from './seccomp/seccomp-program.js';
export { type Machine, type SystemCall, systemCallNumber } from './seccomp/system-calls.js';
export { checkSetProgram, JUMP_IN_SET, SET_TEST } from './set-test.js';
export { interpretThreeValued } from './three-valued/interpret-three-valued.js';
export * as wasm from './wasm/binary.js';
export { VERDICT, verdictFunction } from './wasm/verdict-function.js';
export { type WasmMemory, type WasmModule, webAssembly } from './wasm/web-assembly.js';
