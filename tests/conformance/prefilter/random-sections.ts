import type { Program } from '@bpfleet/bpf';
import { linkTypeNumber } from '@bpfleet/packet';
import { SectionWriter, type VlanTag } from '@bpfleet/section';
import type { LinkForm } from '../link-types.js';
import { randomFrame } from '../packets/frames.js';
import { reaching, steer } from '../packets/steer.js';
import type { Random } from '../random.js';

export interface RandomPacket {
  readonly form: LinkForm;
  readonly bytes: Uint8Array;
  readonly capturedLength: number;
  readonly vlan: VlanTag | undefined;
}

/** A frame of the form, led to where the program accepts it if there is one; some are cut, at any place. */
export function randomPacket(random: Random, form: LinkForm, program?: Program): RandomPacket {
  const frame = Uint8Array.from(randomFrame(random, form));
  const metadata = {
    ...{ protocol: 0x0800, packetType: 0, interfaceIndex: 0, vlanProtocol: 0x8100 },
    ...{ vlanTagPresent: form.live && random.chance(60), vlanTci: random.of([0, 5, 10, 100, random.below(65536)]) },
  };
  if (program) steer(program, frame, form.live ? metadata : undefined, reaching(program, true), random, 5);
  // Some lengths do not hold what the headers promise: the packet ends there, and is not cut.
  const bytes = random.chance(5) ? frame.subarray(0, 1 + random.below(frame.length)) : frame;
  const isCut = random.chance(5);
  return {
    form,
    bytes,
    capturedLength: isCut ? random.below(bytes.length) : bytes.length,
    vlan: metadata.vlanTagPresent
      ? { tpid: random.of([0x8100, 0x8100, 0x88a8, 0x9200]), tci: metadata.vlanTci }
      : undefined,
  };
}

const writer = new SectionWriter({ application: 'test', capacityBytes: 256 * 1024 });

/** One section, as an agent writes it: an interface for each link type. */
export function sectionWith(packets: readonly RandomPacket[]): Uint8Array {
  writer.begin();
  const interfaces = new Map<string, number>();
  packets.forEach(({ form, bytes, capturedLength, vlan }, index) => {
    const { linkType } = form;
    const id = interfaces.get(linkType) ?? writer.addInterface({ name: linkType, linkType: linkTypeNumber(linkType)! });
    interfaces.set(linkType, id);
    writer.append(id, 1_700_000_000, index, bytes, 0, capturedLength, bytes.length, vlan, 0);
  });
  return Uint8Array.from(writer.finish({}));
}
