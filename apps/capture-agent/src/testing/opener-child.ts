// An opener as a process of its own, for tests: `opener-child.js FOLDER`, messages on descriptor 3, sockets on 4.
import { Socket } from 'node:net';
import { closeDescriptor, sendDescriptor } from '@bpfleet/linux';
import { ChannelServer } from '../border/channel-server.js';
import { Opener } from '../opener/opener.js';
import { testOpenerOptions } from './opener-options.js';

const [STREAM, DESCRIPTORS] = [3, 4];
const onFatal = (error: unknown): void => {
  process.stderr.write(`${error}\n`);
  process.exit(1);
};
const opener = new Opener(testOpenerOptions(process.argv[2]!, { onFatal }));
const server = new ChannelServer(
  opener,
  new Socket({ fd: STREAM }),
  { send: (fd, number) => sendDescriptor(DESCRIPTORS, fd, number), close: () => closeDescriptor(DESCRIPTORS) },
  { refused: onFatal, fault: onFatal },
);
await opener.start((event) => server.tell(event));
server.start();
await server.closed;
await opener.stop();
