import { Socket } from 'node:net';
import { closeDescriptor, receiveDescriptor } from '@bpfleet/linux';
import { ChannelOpener, type ChannelOpenerEvents } from './channel-opener.js';

/** What `AgentProcess` starts its child with. */
const STREAM = 3;
const DESCRIPTORS = 4;

/** The opener that started this process: to be listened to from the beginning, since it says when to stop. */
export const inheritedOpener = (events: ChannelOpenerEvents): ChannelOpener =>
  new ChannelOpener(new Socket({ fd: STREAM }), { receive, close: () => closeDescriptor(DESCRIPTORS) }, events);

function receive() {
  const passed = receiveDescriptor(DESCRIPTORS, { nonBlocking: true });
  return typeof passed === 'string' ? undefined : { fd: passed.fd, number: passed.id };
}
