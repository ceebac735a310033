import { Socket } from 'node:net';
import type { BpfleetError } from '@bpfleet/errors';
import { closeDescriptor, receiveDescriptor } from '@bpfleet/linux';
import { ChannelOpener } from './channel-opener.js';

/** What `AgentProcess` starts its child with. */
const STREAM = 3;
const DESCRIPTORS = 4;

/**
 * The opener that started this process.
 * @param onGone it has ended, or cannot be understood
 */
export const inheritedOpener = (onGone: (error: BpfleetError) => void): ChannelOpener =>
  new ChannelOpener(new Socket({ fd: STREAM }), { receive, close: () => closeDescriptor(DESCRIPTORS) }, onGone);

function receive() {
  const passed = receiveDescriptor(DESCRIPTORS, { nonBlocking: true });
  return typeof passed === 'string' ? undefined : { fd: passed.fd, number: passed.id };
}
