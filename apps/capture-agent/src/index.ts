export { type AgentParts, CaptureAgent } from './agent.js';
export { checkCaptureFile } from './capture/check-capture-file.js';
export { fileSource, ringSource, type Source } from './choose-source.js';
export { AgentConfig } from './config.js';
