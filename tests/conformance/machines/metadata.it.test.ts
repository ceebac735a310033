import {
  BPF,
  encodeProgram,
  formatProgram,
  fromTuples,
  interpret,
  jit,
  jump,
  type Packet,
  type Program,
  statement,
} from '@bpfleet/bpf';
import { interfaces, Libpcap, PacketSender, PacketSocket, PollSet } from '@bpfleet/linux';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { canMakeHosts, createHosts, type Hosts } from '../../environment/src/hosts.js';
import { suiteRequires } from '../../environment/src/requirements.js';
import { printFigures } from '../figures.js';
import { Random, seedOfRun } from '../random.js';
import { shareWithin } from '../share.js';
import { randomValidProgram } from './random-program.js';
import { LAST, OURS, taggedFrame } from './tagged-frames.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const FRAMES = 100;
const PROGRAMS = 60 * ROUNDS;
/** libpcap's live forms read the tag from the metadata. */
const EXPRESSIONS = [
  'vlan',
  'vlan 5',
  'vlan 5 and ip',
  'not vlan',
  'vlan and tcp port 443',
  'vlan 7 or vlan 100',
  'vlan and vlan',
  'inbound',
  'outbound',
  'ip6',
  'vlan and ip6 and udp',
  'ether broadcast and vlan',
];
/** A frame that is kept shorter does not show which one it is. */
const NAMED_BYTES = 12;
/** The kernel counts `SKF_NET_OFF` from behind the Ethernet header. */
const NETWORK_OFFSET = 14;

const possible = await canMakeHosts();
const veth = possible.ok ? {} : { unavailable: possible.reason };

suiteRequires('the classic machines on packets with metadata', { veth }, () => {
  const seed = seedOfRun();
  const random = new Random(seed);
  let hosts: Hosts;
  let socket: PacketSocket;
  let sender: PacketSender;

  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    const host = hosts.host(1);
    sender = hosts.inside(host, () => PacketSender.open({ interfaceIndex: hosts.interfaceIndex(host) }));
    socket = hosts.inside(hosts.hub, () => {
      const index = interfaces().find(({ name }) => name === host.name)?.index ?? 0;
      return PacketSocket.open({ interfaceIndex: index, blockCount: 16, blockTimeoutMs: 2 });
    });
  });
  afterAll(async () => {
    socket.close();
    sender.close();
    await hosts?.remove();
  });

  /** What the kernel lets through of a batch, by frame number. The program's verdict is the captured length. */
  const capture = (program: Program, frames: readonly Uint8Array[]): Map<number, Packet> => {
    socket.attach(encodeProgram(lettingLastPass(program)));
    expect(sender.send(frames)).toBe(frames.length);
    const poll = new PollSet([socket.fd]);
    const captured = new Map<number, Packet>();
    // One cable, first in first out: when the last frame is there, the others were decided.
    while (!captured.has(LAST)) {
      poll.wait(5000);
      for (let block = socket.ring.take(); block !== undefined; block = socket.ring.take()) {
        while (block.next()) {
          const bytes = block.bytes.slice(block.start, block.start + block.capturedLength);
          const view = new DataView(bytes.buffer);
          const isNamed = bytes.length >= NAMED_BYTES;
          const { capturedLength, wireLength } = block;
          const metadata = {
            ...{ protocol: block.protocol, packetType: block.packetType, interfaceIndex: block.interfaceIndex },
            ...{ vlanTagPresent: block.vlanPresent, vlanTci: block.vlanTci, vlanProtocol: block.vlanTpid },
            networkOffset: NETWORK_OFFSET,
          };
          const number = isNamed ? view.getUint32(8) : -1 - captured.size;
          captured.set(number, { bytes, start: 0, capturedLength, wireLength, metadata });
        }
        socket.ring.release();
      }
    }
    return captured;
  };

  it(
    `give the kernel's verdicts on tagged frames (BPFLEET_TEST_SEED=${seed})`,
    () => {
      const libpcap = Libpcap.open();
      const count = { pairs: 0, accepted: 0, tagged: 0, unnamed: 0 };
      for (let round = 0; round < PROGRAMS; round++) {
        const frames = Array.from({ length: FRAMES }, (_, number) => taggedFrame(random, number));
        frames.push(taggedFrame(random, LAST));
        const whole = capture([statement(BPF.RET | BPF.K, 0xffff_ffff)], frames);
        const program = round % 2 === 0 ? live(libpcap, random) : randomValidProgram(random, { ancillary: true });
        const run = jit(program);
        const captured = capture(program, frames);
        let unnamed = 0;
        for (let number = 0; number < FRAMES; number++) {
          const packet = whole.get(number) as Packet;
          expect(packet.capturedLength).toBe(packet.wireLength);
          const value = interpret(program, packet);
          const inJavaScript = run(packet.bytes, 0, packet.capturedLength, packet.wireLength, packet.metadata);
          const seen = Math.min(value, packet.wireLength);
          const inKernel = captured.get(number)?.capturedLength ?? 0;
          count.pairs++;
          if (value > 0 && value < NAMED_BYTES) {
            unnamed++;
            continue;
          }
          if (value !== 0) count.accepted++;
          if (packet.metadata?.vlanTagPresent) count.tagged++;
          if (inKernel !== seen || inJavaScript !== value) {
            const hex = Buffer.from(packet.bytes).toString('hex');
            const verdicts = `interpreter ${value}, JavaScript ${inJavaScript}, kernel ${inKernel}`;
            expect.fail(
              `seed ${seed}: ${verdicts}\n${JSON.stringify(packet.metadata)}\n${hex}\n${formatProgram(program, 'd')}`,
            );
          }
        }
        expect([...captured.keys()].filter((number) => number < 0)).toHaveLength(unnamed);
        count.unnamed += unnamed;
      }
      libpcap.close();
      printFigures(
        seed,
        `${count.pairs} (program, frame) pairs over veth agree, ${PROGRAMS} programs, ${count.tagged} with a ` +
          `tag in the metadata, ${count.accepted} accepted, ${count.unnamed} more kept so short that only their number was compared`,
      );
      expect(shareWithin(count.tagged / count.pairs, count.pairs).most).toBeGreaterThan(0.3);
      expect(count.accepted).toBeGreaterThan(0);
      expect(shareWithin(count.accepted / count.pairs, PROGRAMS).most).toBeGreaterThan(0.1);
    },
    60_000 * ROUNDS,
  );
});

/**
 * In front: what is not of this test never passes (the kernel sends frames of its own), the last frame of a batch always
 * does. Leaves A and X as the program expects them.
 */
function lettingLastPass(program: Program): Program {
  return [
    statement(BPF.LD | BPF.H | BPF.ABS, 6),
    jump(BPF.JMP | BPF.JEQ, OURS, 1, 0),
    statement(BPF.RET | BPF.K, 0),
    statement(BPF.LD | BPF.W | BPF.ABS, 8),
    jump(BPF.JMP | BPF.JEQ, LAST, 0, 1),
    statement(BPF.RET | BPF.K, 0xffff_ffff),
    statement(BPF.LD | BPF.IMM, 0),
    ...program,
  ];
}

function live(libpcap: Libpcap, random: Random): Program {
  const answer = libpcap.compile(random.of(EXPRESSIONS), { live: true, optimize: random.chance(50) });
  if ('refusal' in answer) throw new Error(answer.refusal);
  return fromTuples(answer.program);
}
