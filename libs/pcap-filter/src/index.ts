export { type Compilation, type CompileOptions, compile, type Stages, supportedLinkTypes } from './compile.js';
export { renderFault } from './fault.js';
export { printStages } from './print/print-stages.js';
export type { NameTables, Service } from './resolve/names.js';
