// What confine.it.test.ts runs: tries everything that is refused, with or without confinement, then what must go on.
// Descriptor 3: a channel on which a packet socket comes. Prints what happened as JSON.
import { spawnSync } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { getSystemErrorName, promisify } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const koffi = createRequire(import.meta.url)('koffi');
const bpf = await import('../../../bpf/dist/index.js');
const linux = await import('../../dist/index.js');
const syscall = koffi.load(null).func('long syscall(long, ...)');
const nameOf = (errno) => getSystemErrorName(-errno);

/** `ok` or the name of the error. Arguments that make no sense by default, so that nothing comes of it. */
function attempt(call, args = [-1, -1, -1, -1, -1]) {
  const number = typeof call === 'number' ? call : bpf.systemCallNumber(call, process.arch);
  if (number === undefined) return undefined;
  const result = syscall(number, ...args.flatMap((value) => ['long', value]));
  return result >= 0 ? 'ok' : nameOf(koffi.errno());
}
const caught = (action) => {
  try {
    action();
    return 'ok';
  } catch (error) {
    return error.cause?.errno ?? error.errno ?? error.code;
  }
};

const AF_PACKET = 17;
const packetSocket = () => {
  const fd = syscall(bpf.systemCallNumber('socket', process.arch), 'long', AF_PACKET, 'long', 3, 'long', 0);
  if (fd < 0) return nameOf(koffi.errno());
  linux.closeDescriptor(fd);
  return 'ok';
};

/** Calls that are refused by their arguments. */
const withArguments = {
  'setsockopt SOL_PACKET': ['setsockopt', [-1, 263, 5, 0, 0]],
  'setsockopt SO_ATTACH_FILTER': ['setsockopt', [-1, 1, 26, 0, 0]],
  'setsockopt SO_DETACH_FILTER': ['setsockopt', [-1, 1, 27, 0, 0]],
  'setsockopt SO_LOCK_FILTER': ['setsockopt', [-1, 1, 44, 0, 0]],
  'setsockopt SO_ATTACH_BPF': ['setsockopt', [-1, 1, 50, 0, 0]],
  'setsockopt SO_ATTACH_REUSEPORT_CBPF': ['setsockopt', [-1, 1, 51, 0, 0]],
  'setsockopt SO_ATTACH_REUSEPORT_EBPF': ['setsockopt', [-1, 1, 52, 0, 0]],
  'setsockopt SO_DETACH_REUSEPORT_BPF': ['setsockopt', [-1, 1, 68, 0, 0]],
  'bind to an interface': ['bind', [-1, 0, 20]],
  'bind to an address': ['bind', [-1, 0, 16]],
  'socket AF_XDP': ['socket', [44, -1, 0]],
  'socket SOCK_PACKET': ['socket', [2, 10, -1]],
  'socket SOCK_RAW': ['socket', [2, 3, -1]],
  // CLONE_FS makes no sense with it, so that nothing is started where it is not refused.
  'clone CLONE_NEWNS': ['clone', [0x0002_0200, 0, 0, 0, 0]],
  'ioctl TIOCSTI': ['ioctl', [-1, 0x5412, 0]],
  'ioctl TIOCLINUX': ['ioctl', [-1, 0x541c, 0]],
  'a call of x32': [0x4000_0036, [-1, -1, -1, -1, -1]],
};

function tryAll() {
  const always = bpf.AGENT_REFUSALS.filter(({ when, answer }) => !when && !answer).flatMap(({ calls }) => calls);
  return {
    ...Object.fromEntries(always.map((call) => [call, attempt(call)])),
    ...Object.fromEntries(Object.entries(withArguments).map(([name, [call, args]]) => [name, attempt(call, args)])),
    'socket AF_PACKET': packetSocket(),
    'a program': spawnSync('true').error?.code ?? 'ok',
  };
}

/** What a new filter for the socket, a detached one, another interface, all that passes there and a listener come to. */
async function tryWithSocket(fd) {
  const toLo = new Uint8Array(20);
  toLo.set([AF_PACKET, 0, 0, 3, 1]);
  // `struct packet_mreq`: lo, PACKET_MR_PROMISC.
  const promiscuous = new Uint8Array(16);
  promiscuous.set([1, 0, 0, 0, 1]);
  const socket = linux.PacketSocket.adopt(fd, {
    geometry: { blockBytes: 1 << 16, blockCount: 64 },
    skipOutgoing: false,
    resume: false,
    subject: 'eth0',
  });
  const server = createServer().listen(0, '127.0.0.1');
  const listening = await once(server, 'listening').then(
    () => 'ok',
    ({ code }) => code,
  );
  server.close();
  const results = {
    attach: caught(() => socket.attach(Uint8Array.of(6, 0, 0, 0, 255, 255, 0, 0))),
    detach: attempt('setsockopt', [fd, 1, 27, koffi.address(new Uint8Array(4)), 4]),
    'go to another interface': attempt('bind', [fd, koffi.address(toLo), toLo.length]),
    'go promiscuous': attempt('setsockopt', [fd, 263, 1, koffi.address(promiscuous), promiscuous.length]),
    listen: listening,
  };
  const events = new linux.EventSet([fd]);
  events.wait(5000);
  const block = socket.ring.take();
  const packets = block?.next() ? block.capturedLength : 0;
  return { results, packets, statistics: socket.statistics(), readBack: socket.readBack().length };
}

/** What the agent's work is made of. */
async function goOn(port, before) {
  const said = await new Promise((resolve, reject) => {
    const client = connect(port, '127.0.0.1');
    client.setNoDelay(true).setKeepAlive(true).on('error', reject).end('over TCP');
    client.on('data', (bytes) => resolve(String(bytes)));
  });
  const worker = new Worker(new URL(import.meta.url));
  // At once: a worker that ends early says both in one turn.
  const ended = once(worker, 'exit');
  const [newWorker] = await once(worker, 'message');
  await ended;
  const answered = once(before, 'message');
  before.postMessage('go');
  const [oldWorker] = await answered;
  await before.terminate();
  const key = await promisify(pbkdf2)('password', 'salt', 1, 8, 'sha256');
  const byName = await new Promise((resolve, reject) => {
    const client = connect(port, 'localhost')
      .on('connect', () => resolve(client.end() && 'connected'))
      .on('error', reject);
  });
  return {
    said,
    newWorker,
    oldWorker,
    file: (await readFile('/proc/self/comm', 'utf8')).length > 0,
    key: key.length,
    byName,
    interfaces: networkInterfaces().lo !== undefined && linux.interfaces().some(({ name }) => name === 'lo'),
  };
}

async function main() {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const before = new Worker(new URL(import.meta.url), { argv: ['waiting'] });
  await once(before, 'online');
  if (process.argv[2] === 'confined') linux.confineProcess();
  const refused = tryAll();
  const socket = await tryWithSocket(linux.receiveDescriptor(3).fd);
  const works = await goOn(server.address().port, before);
  const { capabilities: _, ...confinement } = linux.confinement();
  console.log(JSON.stringify({ refused, socket, works, confinement }));
  server.close();
}

if (isMainThread) await main();
else if (process.argv[2] !== 'waiting') parentPort.postMessage(packetSocket());
else parentPort.once('message', () => parentPort.postMessage(packetSocket()));
