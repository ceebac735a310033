import type { Packet, Program } from '@bpfleet/bpf';
import type { LinkForm } from '../link-types.js';
import { randomFrame } from '../packets/frames.js';
import { whole } from '../packets/packets.js';
import { reaching, steer } from '../packets/steer.js';
import type { Random } from '../random.js';

/** Frames as they come, and more often frames led to both ends of the programs. */
export class SteeredPackets {
  readonly #ways: readonly (readonly [program: Program, wanted: Uint8Array])[];

  constructor(
    programs: readonly Program[],
    private readonly form: LinkForm,
    private readonly random: Random,
  ) {
    this.#ways = programs.flatMap((one) => [true, false].map((accepting) => [one, reaching(one, accepting)] as const));
  }

  next(): Packet {
    const { random, form } = this;
    const frame = Uint8Array.from(randomFrame(random, form));
    const vlanTagPresent = random.chance(45);
    const metadata = {
      ...{ protocol: 0x0800, packetType: random.below(5), interfaceIndex: random.of([1, 2, 7]), vlanTagPresent },
      ...{ vlanTci: vlanTagPresent ? random.of([0, 1, 10, 100]) : 0, vlanProtocol: vlanTagPresent ? 0x8100 : 0 },
    };
    const [program, wanted] = random.of(this.#ways);
    const beside = form.live ? metadata : undefined;
    if (random.chance(85)) steer(program, frame, beside, wanted, random, random.of([0, 5, 30]));
    return whole(frame, beside);
  }
}
