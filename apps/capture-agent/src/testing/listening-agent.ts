// Stands for the agent process in tests: says hello, and writes what it hears into the file BPFLEET_TEST_REPORT, line by line.
import { appendFileSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { closeDescriptor, receiveDescriptor } from '@bpfleet/linux';
import { PrivateKey } from '@bpfleet/service';
import { ChannelOpener } from '../border/channel-opener.js';

const [STREAM, DESCRIPTORS] = [3, 4];
const { BPFLEET_TEST_REPORT: report = '', BPFLEET_TEST_SECRET: secret = '', BPFLEET_TEST_EXIT: exit } = process.env;
const isDeaf = process.env.BPFLEET_TEST_DEAF === 'true';
const tell = (line: object) => appendFileSync(report, `${JSON.stringify({ pid: process.pid, ...line })}\n`);

function canRead(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

if (exit !== undefined) {
  tell({ exits: exit });
  process.exit(Number(exit));
}
const receive = () => {
  const passed = receiveDescriptor(DESCRIPTORS, { nonBlocking: true });
  return typeof passed === 'string' ? undefined : { fd: passed.fd, number: passed.id };
};
const opener = new ChannelOpener(
  new Socket({ fd: STREAM }),
  { receive, close: () => closeDescriptor(DESCRIPTORS) },
  {
    stop: () => {
      tell({ stopped: true });
      if (!isDeaf) process.exit(0);
    },
    gone: ({ message }) => {
      tell({ gone: message });
      process.exit(3);
    },
  },
);
await opener.start((event) => tell({ event }));
const { epoch } = await opener.hello(PrivateKey.generate().publicKey);
const status = readFileSync('/proc/self/status', 'utf8');
const field = (name: string) => new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(status)?.[1];
tell({ epoch, capabilities: field('CapEff'), noNewPrivileges: field('NoNewPrivs'), readsSecret: canRead(secret) });
setInterval(() => {}, 1000);
