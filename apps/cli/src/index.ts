export { run } from './run.js';
export type { OutputStream, Terminal } from './terminal.js';
