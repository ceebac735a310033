export type { CaptureAgent } from './agent.js';
export { checkCaptureFile } from './capture/check-capture-file.js';
export { type ChosenSource, fileSource, ringSource } from './choose-source.js';
export { AgentConfig } from './config.js';
export { createAgent } from './create-agent.js';
