export {
  type Compilation,
  type CompileOptions,
  compile,
  compileOfAnyLength,
  type Stages,
  supportedLinkTypes,
} from './compile.js';
export { compileEbpf, type EbpfCompilation, type EbpfCompileOptions } from './compile-ebpf.js';
export { compileWithSets, type SetCompilation } from './compile-with-sets.js';
export { type Decompiled, type DecompileOptions, decompile } from './decompile/decompile.js';
export type { Refusal, RefusalId } from './decompile/refusal.js';
export { type Explanation, explainExpression, renderExplanation } from './explain/explain-expression.js';
export { explainProgram, type ProgramExplanation, renderProgramExplanation } from './explain/explain-program.js';
export { type TermVerdict, type TermVerdicts, termVerdicts } from './explain/term-verdicts.js';
export { type Trap, type TrapId, trapIds } from './explain/trap.js';
export { renderFault } from './fault.js';
export type { KnownPacket } from './ir/evaluate-three-valued.js';
export { byInterface, type InterfaceBranch } from './link/by-interface.js';
export { byInterfaceEbpf, type EbpfInterfaceBranch } from './link/by-interface-ebpf.js';
export {
  type ExcludedEndpoint,
  type LinkAloneRequest,
  type LinkedClassic,
  type LinkedEbpf,
  type LinkMember,
  type LinkRequest,
  link,
  linkAlone,
  linkerVersions,
} from './link/link.js';
export { type Finding, type FindingId, findingIds } from './lint/finding.js';
export { lintProgram } from './lint/lint-program.js';
export { mayMatch, type Prefilter, type PrefilterToken } from './prefilter/prefilter.js';
export { prefilterOf } from './prefilter/prefilter-of.js';
export { printPrefilter, printToken } from './prefilter/print-prefilter.js';
export { printStages } from './print/print-stages.js';
export type { NameTables } from './resolve/names.js';
export type { Service } from './resolve/service.js';
export {
  type SelfTest,
  type SelfTestCoverage,
  type SelfTested,
  type SelfTestOptions,
  type SelfTestPacket,
  selfTestPackets,
} from './self-test/self-test.js';
