export { type CapturedPacket, dissectPacket } from './dissect-packet.js';
export type { Node } from './node.js';
