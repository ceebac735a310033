import {
  assembleEbpf,
  BPF,
  type EbpfMap,
  encodeEbpf,
  JUMP_IN_SET,
  jump,
  statement,
  translateToEbpf,
  withDescriptors,
} from '@bpfleet/bpf';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { suiteRequires } from '../../../../tests/environment/src/requirements.js';
import { closeDescriptor } from '../calls/libc.js';
import { PollSet } from '../poll/poll-set.js';
import { PacketSender } from '../sender/packet-sender.js';
import { PacketSocket } from '../socket/packet-socket.js';
import { RingSocket } from '../socket/ring-socket.js';
import { expectedEvidence } from './evidence.js';
import type { LoadableFilter } from './loadable-filter.js';
import { LoadedFilter } from './loaded-filter.js';
import { createMap, fillMap, freezeMap } from './map.js';
import { mapInfo, programInfo } from './object-info.js';
import { loadSocketFilter } from './program.js';
import { tagAlgorithm, tagOf } from './program-tag.js';

const possible = await canMakeHosts();
const root = possible.ok ? {} : { unavailable: possible.reason };

/** Packets whose source (at offset 26) is in one of the sets. */
function fromSets(...sets: number[][]): LoadableFilter {
  const program = [
    statement(BPF.LD | BPF.W | BPF.ABS, 26),
    ...sets.map((_, set) => jump(JUMP_IN_SET, set, sets.length - set, 0)),
    statement(BPF.RET | BPF.K, 0),
    statement(BPF.RET | BPF.K, 262_144),
  ];
  const filter = translateToEbpf(program, { sets: sets.map((set) => Uint32Array.from(set)), counters: true });
  return {
    maps: filter.maps,
    encode: (descriptors) => encodeEbpf(withDescriptors(filter.program, descriptors)),
  };
}
/** A hash of single addresses, and a trie of prefixes. */
const addresses = Array.from({ length: 3000 }, (_, index) => [0x0a00_0000 + 3 * index, 0x0a00_0000 + 3 * index]).flat();
const networks = [0xc000_0201, 0xc000_02fe, 0xc633_6400, 0xc633_64ff];
const filter = () => fromSets(addresses, networks);

suiteRequires('evidence of a loaded filter', { root }, () => {
  const loaded: LoadedFilter[] = [];
  const load = (one: LoadableFilter) => {
    const filter = LoadedFilter.load(one);
    loaded.push(filter);
    return filter;
  };
  afterEach(() => {
    for (const filter of loaded.splice(0)) filter.close();
  });
  const algorithm = tagAlgorithm()!;

  it('is what was computed without the kernel', () => {
    expect(filter().maps.map(({ kind }) => kind)).toEqual(['hash', 'lpm', 'array']);
    expect(load(filter()).evidence()).toEqual(expectedEvidence(filter(), algorithm));
  });

  it('says that sets cannot change any more, and counters only by the program', () => {
    expect(load(filter()).evidence().maps).toMatchObject([
      { isUsed: true, isReadOnly: true, isFrozen: true },
      { isUsed: true, isReadOnly: true, isFrozen: true },
      { isUsed: true, isReadOnly: false, isFrozen: true },
    ]);
  });

  it('differs when one address does', () => {
    const [hash, ...others] = load(fromSets([0x0a00_0001, ...addresses.slice(1)], networks)).evidence().maps;
    const expected = expectedEvidence(filter(), algorithm).maps;
    expect(hash!.digest).not.toBe(expected[0]!.digest);
    expect(others).toEqual(expected.slice(1));
  });

  it('differs when the program does', () => {
    const { tag } = load(fromSets(addresses)).evidence();
    expect(tag).not.toBe(expectedEvidence(filter(), algorithm).tag);
    expect(tag).toBe(expectedEvidence(fromSets(addresses), algorithm).tag);
  });

  it('tells when the program looks elsewhere than in the maps that were read', () => {
    const { maps } = filter();
    const decoy: LoadableFilter = {
      maps: [...maps, maps[0]!],
      encode: ([, trie, counters, other]) => filter().encode([other!, trie!, counters!]),
    };
    const evidence = load(decoy).evidence();
    expect(evidence.tag).toBe(expectedEvidence(filter(), algorithm).tag);
    expect(evidence.maps.map(({ isUsed }) => isUsed)).toEqual([false, true, true, true]);
  });

  it('is of maps that nobody can write', () => {
    const map: EbpfMap = filter().maps[0]!;
    const fd = createMap(map);
    try {
      fillMap(fd, map);
      expect(mapInfo(fd)).toMatchObject({ isReadOnly: true, isFrozen: false });
      expect(freezeMap(fd)).toBe(true);
      expect(mapInfo(fd)).toMatchObject({ isFrozen: true });
      expect(() => fillMap(fd, map)).toThrow(expect.objectContaining({ errno: 'EPERM' }));
    } finally {
      closeDescriptor(fd);
    }
  });

  it('has a tag that this kernel computes as we do, of any length', () => {
    expect(['sha1', 'sha256']).toContain(algorithm);
    for (const length of [2, 7, 8, 9, 1000]) {
      const instructions = encodeEbpf(assembleEbpf(`${'w0 = 7\n'.repeat(length - 1)}exit`));
      const fd = loadSocketFilter(instructions);
      expect(programInfo(fd)).toEqual({ tag: tagOf(instructions, algorithm), mapIds: [] });
      closeDescriptor(fd);
    }
  });

  it('cannot be had of something else', () => {
    expect(() => programInfo(0)).toThrow(expect.objectContaining({ code: 'SYSTEM_CALL' }));
  });

  describe('attached to a packet socket', () => {
    let hosts: Hosts;
    let host: Host;
    const open: { close(): void }[] = [];
    const opened = <T extends { close(): void }>(resource: T): T => {
      open.push(resource);
      return resource;
    };
    beforeAll(async () => {
      hosts = await createHosts({ count: 1 });
      host = hosts.host(1);
    });
    afterAll(() => hosts?.remove());
    afterEach(() => {
      for (const resource of open.splice(0)) resource.close();
    });
    const ring = { blockBytes: 1 << 16, blockCount: 4, blockTimeoutMs: 5 };
    const owner = () =>
      opened(hosts.inside(host, () => RingSocket.open({ ...ring, interfaceIndex: hosts.interfaceIndex(host) })));

    it('it decides what is captured, also when its descriptors are closed', () => {
      const socket = owner();
      const { program } = load(filter());
      socket.attachLoaded(program);
      for (const filter of loaded.splice(0)) filter.close();
      const reader = opened(PacketSocket.adopt(socket.duplicate(), { ...socket, resume: false, subject: 'eth0' }));
      const interfaceIndex = hosts.interfaceIndex(hosts.hub, 'h1');
      const wire = opened(hosts.inside(hosts.hub, () => PacketSender.open({ interfaceIndex })));
      const sources = [0x0a00_0001, 0x0a00_0003, 0xc000_0207, 0xc000_0300, 0xc633_64ff];
      wire.send(sources.map(packetFrom));
      const poll = new PollSet([reader.fd]);
      const read: number[] = [];
      // A sender that is held up has them in several blocks.
      while (read.length < 3) {
        expect(poll.wait(5000)).toBe(1);
        const block = reader.ring.take()!;
        const view = new DataView(block.bytes.buffer);
        while (block.next()) read.push(view.getUint32(block.start + 26));
        reader.ring.release();
      }
      expect(read).toEqual([0x0a00_0003, 0xc000_0207, 0xc633_64ff]);
    });

    it('it cannot be read back', () => {
      const socket = owner();
      socket.attachLoaded(load(filter()).program);
      expect(() => socket.readBack()).toThrow(expect.objectContaining({ errno: 'EACCES' }));
      socket.rejectAll();
      expect(socket.readBack()).toHaveLength(8);
    });

    it('it is refused when it is too long for the socket, with what to do', () => {
      const long = { maps: [], encode: () => encodeEbpf(assembleEbpf(`${'w0 = 7\n'.repeat(20_000)}exit`)) };
      expect(() => owner().attachLoaded(load(long).program)).toThrow(
        expect.objectContaining({ code: 'ATTACH_REFUSED', hint: expect.stringContaining('net.core.optmem_max (now ') }),
      );
    });
  });
});

function packetFrom(source: number): Uint8Array {
  const packet = new DataView(new ArrayBuffer(60));
  packet.setUint16(12, 0x0800);
  packet.setUint8(14, 0x45);
  packet.setUint32(26, source);
  return new Uint8Array(packet.buffer).fill(0xff, 0, 6);
}
