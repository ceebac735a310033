import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeProgram } from '@bpfleet/bpf';
import { EventSet, PacketSender, PacketSocket } from '@bpfleet/linux';
import { compile } from '@bpfleet/pcap-filter';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { numberAt, numberedFrame } from '../../../testing/numbered-packets.js';
import { OpenSection } from '../../sections/open-section.js';
import { openSectionFile } from '../../sections/open-section-file.js';
import { CopyingSocket } from './copying-socket.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'a socket whose ring is copied from' : `a copied ring (skipped: ${possible.reason})`;
const GEOMETRY = { blockBytes: 1 << 18, blockCount: 4 };
const RING_BYTES = GEOMETRY.blockBytes * GEOMETRY.blockCount;
/** Of an EPB, in front of the packet. */
const HEADER_BYTES = 28;

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let host: Host;
  let folder = '';
  let socket: PacketSocket;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    host = hosts.host(1);
  });
  afterAll(() => hosts.remove());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-copying-'));
    const interfaceIndex = hosts.interfaceIndex(host);
    socket = hosts.inside(host, () => PacketSocket.open({ ...GEOMETRY, interfaceIndex, blockTimeoutMs: 20 }));
    socket.attach(encodeProgram(compile('ip', { live: true }).program));
  });
  afterEach(() => {
    socket.close();
    rmSync(folder, { recursive: true });
  });

  it('has the kernel’s packets in the open section, byte for byte', () => {
    const file = openSectionFile(folder);
    const section = { descriptor: file.descriptor!, sizeBytes: file.memory.byteLength };
    const copying = CopyingSocket.of(socket, section, RING_BYTES, (error) => expect.fail(String(error)));
    const interfaceIndex = hosts.interfaceIndex(hosts.hub, 'h1');
    const wire = hosts.inside(hosts.hub, () => PacketSender.open({ interfaceIndex }));
    const frame = numberedFrame(7, 5000);
    wire.send([frame]);
    wire.close();
    const events = new EventSet([socket.fd]);
    expect(events.wait(5000)).toBe(1);
    events.close();
    const block = socket.ring.take()!;
    expect(block.next()).toBe(true);
    const target = {
      startBytes: 0,
      stopAtBytes: 4096,
      limitBytes: 4096,
      inId: 3,
      outId: 4,
      snaplenBytes: 60,
      blockPackets: 5,
    };
    expect(copying.copier!.copy({ packet: block.offset, packets: 1, skipsOutgoing: false }, target)).toBe(1);
    const buffer = new OpenSection(file.memory).buffer.subarray(HEADER_BYTES, HEADER_BYTES + 60);
    expect(Buffer.from(buffer)).toEqual(Buffer.from(frame.subarray(0, 60)));
    expect(numberAt(buffer, 0)).toBe(7);
    expect(copying.copier!.results).toMatchObject({ endBytes: HEADER_BYTES + 60 + 4, keptBytes: 60, truncated: 1 });
    copying.close();
    file.close();
  });

  it('is the socket itself where the section cannot be mapped, and says so', () => {
    const refused = vi.fn();
    expect(CopyingSocket.of(socket, { descriptor: -1, sizeBytes: 4096 }, RING_BYTES, refused)).toBe(socket);
    expect(refused).toHaveBeenCalledWith(expect.any(Error));
  });
});
