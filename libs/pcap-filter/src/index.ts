export { type Compilation, type CompileOptions, compile, type Stages, supportedLinkTypes } from './compile.js';
export { type Explanation, explainExpression, renderExplanation } from './explain/explain-expression.js';
export { explainProgram, type ProgramExplanation, renderProgramExplanation } from './explain/explain-program.js';
export { type Trap, type TrapId, trapIds } from './explain/traps.js';
export { renderFault } from './fault.js';
export { type Finding, type FindingId, findingIds, lintProgram } from './lint/lint-program.js';
export { printStages } from './print/print-stages.js';
export type { NameTables, Service } from './resolve/names.js';
