export type { FlowEnds } from './head.js';
export { type Frame, LIVE_FLOWS, type LiveOptions, LiveTraffic, liveFrames } from './live-traffic.js';
export { type Random, seededRandom, zipf } from './random.js';
