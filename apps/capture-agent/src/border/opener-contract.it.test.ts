import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { delegationKind, openDocument, openEnrolment, statementKind } from '@bpfleet/contract';
import {
  closeDescriptor,
  enterNetworkNamespace,
  PacketSender,
  PacketSocket,
  receiveDescriptor,
  socketPair,
} from '@bpfleet/linux';
import { nodeCrypto, PrivateKey } from '@bpfleet/service';
import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { suiteRequires } from '../../../../tests/environment/src/requirements.js';
import { Opener } from '../opener/opener.js';
import { testOpenerOptions } from '../testing/opener-options.js';
import { SigningService } from '../testing/signing-service.js';
import { ChannelOpener } from './channel-opener.js';
import type { OpenerEvent, OpenerPort } from './opener-port.js';

const CHILD = fileURLToPath(new URL('../../dist/testing/opener-child.js', import.meta.url));
const possible = await canMakeHosts();
const hostsHere = possible.ok ? {} : { unavailable: possible.reason };
const built = existsSync(CHILD) ? {} : { unavailable: 'apps/capture-agent is not built' };

interface Side {
  readonly port: OpenerPort;
  end(): Promise<void>;
}

function inThisProcess(folder: string): Side {
  const port = new Opener(
    testOpenerOptions(folder, {
      onFatal: (error) => {
        throw error;
      },
    }),
  );
  return { port, end: () => port.stop() };
}

function acrossTheBorder(folder: string): Side {
  const [here, there] = socketPair('seqpacket');
  const child: ChildProcess = spawn(process.execPath, [CHILD, folder], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', there],
  });
  closeDescriptor(there);
  const receive = () => {
    const passed = receiveDescriptor(here, { nonBlocking: true });
    return typeof passed === 'string' ? undefined : { fd: passed.fd, number: passed.id };
  };
  const descriptors = { receive, close: () => closeDescriptor(here) };
  const port = new ChannelOpener(child.stdio[3] as Duplex, descriptors, {
    stop: () => {},
    gone: (error) => {
      throw error;
    },
  });
  const end = async () => {
    const exited = once(child, 'exit');
    await port.stop();
    // It ends by itself: nobody is there to work for.
    expect(await exited).toEqual([0, null]);
  };
  return { port, end };
}

const sides = [
  ['in this process', inThisProcess, {}],
  ['across the border', acrossTheBorder, { built }],
] as const;

/** UDP from this port. */
function packet(port: number): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17], 0);
  new DataView(bytes.buffer).setUint32(34, (port << 16) | 9);
  return bytes;
}

for (const [where, open, needs] of sides) {
  suiteRequires(`an opener ${where}`, { hosts: hostsHere, ...needs }, () => {
    const session = PrivateKey.generate().publicKey;
    let hosts: Hosts;
    let folder: string;
    let side: Side;
    let port: OpenerPort;
    let service: SigningService;
    let leave: () => void;
    let events: OpenerEvent[];
    beforeAll(async () => {
      hosts = await createHosts({ count: 1 });
    });
    afterAll(() => hosts?.remove());
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'bpfleet-contract-'));
      service = new SigningService('agent-1');
      leave = enterNetworkNamespace(hosts.host(1).namespacePath);
      events = [];
      side = open(join(folder, 'opener'));
      port = side.port;
      await port.start((event) => events.push(event));
    });
    afterEach(async () => {
      await side.end();
      for (const event of events) if (event.kind === 'socket') closeDescriptor(event.fd);
      leave();
      await rm(folder, { recursive: true, force: true });
    });
    const heard = (count: number) => expect.poll(() => events.length, { interval: 5, timeout: 10_000 }).toBe(count);
    const udp = (version: number, port = 5000 + version) => ({
      filter: 'f',
      version,
      expression: `udp src port ${port}`,
    });
    const started = async () => {
      await port.pin([service.key.publicKey]);
      return port.hello(session);
    };

    it('says who the agent is, and vouches for its session key in this epoch', async () => {
      const before = Math.floor(Date.now() / 1000);
      const { agent, epoch, delegation, identityPublicKey } = await port.hello(session);
      expect([agent, epoch >= before]).toEqual(['agent-1', true]);
      const verification = { keys: [identityPublicKey], crypto: nodeCrypto };
      expect(openDocument(delegationKind, delegation, verification)).toEqual({
        agent,
        epoch,
        sessionPublicKey: session,
      });
    });

    it('signs the enrolment with the key that it names', async () => {
      const enrolment = openEnrolment(await port.enrolment({ env: 'prod' }), nodeCrypto);
      const { identityPublicKey } = await port.hello(session);
      expect(enrolment).toEqual({ agent: 'agent-1', identityPublicKey, labels: { env: 'prod' } });
    });

    it('follows the keys that it was given first, and no others', async () => {
      await started();
      await port.pin([service.key.publicKey]);
      await expect(port.pin([PrivateKey.generate().publicKey])).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
      await expect(port.desire(new SigningService('agent-1').desire([udp(1)]))).rejects.toMatchObject({
        ...{ code: 'SIGNATURE_INVALID', message: expect.stringContaining('no trusted key') },
      });
      await port.desire(service.desire([udp(1)], { generation: 7 }));
      await expect(port.desire(service.desire([], { generation: 6 }))).rejects.toMatchObject({
        ...{ code: 'VERSION_CONFLICT', hint: expect.any(String) },
      });
    });

    it('hands over a socket whose ring holds what the filter accepts', async () => {
      await started();
      const answer = await port.desire(service.desire([udp(1)]));
      expect(answer).toMatchObject({
        ...{ generation: 1, settings: { flushWindowMs: 50 } },
        members: [],
        outcomes: [{ filter: 'f', version: 1, interface: 'eth0', linkType: 'EN10MB', state: 'attested' }],
      });
      await heard(1);
      const [event] = events.splice(0);
      if (event?.kind !== 'socket') throw new Error('no socket');
      const { socket, fd } = event;
      expect(socket).toMatchObject({
        wasRead: false,
        isOwnSocket: false,
        branches: [{ interfaces: [{ name: 'eth0' }], members: [{ expression: 'udp src port 5001' }] }],
      });
      const reader = PacketSocket.adopt(fd, {
        geometry: socket.ring,
        skipOutgoing: false,
        resume: false,
        subject: 'eth0',
      });
      const wire = hosts.inside(hosts.hub, () =>
        PacketSender.open({ interfaceIndex: hosts.interfaceIndex(hosts.hub, 'h1') }),
      );
      wire.send([packet(5000), packet(5001), packet(5002)]);
      const found: number[] = [];
      await expect
        .poll(() => {
          for (let block = reader.ring.take(); block !== undefined; block = reader.ring.take()) {
            const view = new DataView(block.bytes.buffer, block.bytes.byteOffset);
            while (block.next()) found.push(view.getUint16(block.start + 34));
            reader.ring.release();
          }
          return found;
        })
        .toEqual([5001]);
      wire.close();
      reader.close();
    });

    it('swaps by a cut, and closes what was drained', async () => {
      await started();
      await port.desire(service.desire([udp(1)]));
      await port.desire(service.desire([udp(2)]));
      await heard(2);
      const [opened, swapped] = events;
      if (opened?.kind !== 'socket' || swapped?.kind !== 'swap') throw new Error('no swap');
      const { id } = opened.socket;
      expect(swapped).toMatchObject({ socket: id, swap: { branches: [{ members: [{ version: 2 }] }] } });
      expect((await port.attest()).outcomes).toMatchObject([{ version: 2, state: 'pending' }]);
      await port.cut(id, swapped.swap.id);
      expect((await port.attest()).outcomes).toMatchObject([{ version: 2, state: 'attested', socket: id }]);
      await port.desire(service.desire([]));
      await heard(4);
      expect(events.slice(2)).toEqual([{ kind: 'changed' }, { kind: 'draining', socket: id }]);
      await port.drained(id);
      // Twice, or of what never was: no harm.
      await port.drained(id);
      await port.cut(4711, 1);
      expect((await port.attest()).outcomes).toEqual([]);
    });

    it('states what runs, signed, with the nonce that it was asked with', async () => {
      const { identityPublicKey, epoch } = await started();
      await port.desire(service.desire([udp(1)]));
      expect((await port.attest()).statements).toEqual([]);
      const { outcomes, statements } = await port.attest('nonce-7');
      const verification = { keys: [identityPublicKey], crypto: nodeCrypto };
      expect(statements.map((one) => openDocument(statementKind, one, verification))).toMatchObject([
        {
          agent: 'agent-1',
          epoch,
          interface: 'eth0',
          generation: 1,
          nonce: 'nonce-7',
          hash: outcomes[0]!.attachedDigest,
        },
      ]);
    });
  });
}
