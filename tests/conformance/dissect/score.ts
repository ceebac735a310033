import { type Answers, type Difference, equalByPlace, isSameValue, type OurField, placeOf } from './comparison.js';
import type { Frame } from './frames.js';
import type { TheirField, TheirPacket } from './tshark.js';

interface Tally {
  theirs: number;
  /** Fields of tshark's that ours lacks, or has otherwise. */
  missed: number;
  /** Of those that ours has as tshark does, the ones without a value here: only their name, place and length were compared. */
  byPlace: number;
  ours: number;
  /** Fields of ours that tshark knows by that name, and does not have. */
  extra: number;
}
const NONE: Readonly<Tally> = { theirs: 0, missed: 0, byPlace: 0, ours: 0, extra: 0 };

/** How much of tshark's fields is ours, and of ours tshark's, by protocol. */
export class Score {
  readonly #tallies = new Map<string, Tally>();
  /** Fields of cut packets and first fragments that tshark leaves out, as it reads ahead, and shows of the whole packet. */
  beforeTheCut = 0;

  /** @param known every field that tshark has a name for */
  constructor(private readonly known: ReadonlySet<string>) {}

  /** @param whole what tshark says of the packet as it was on the wire, where it was cut, and before it was fragmented */
  add(answers: Answers, differences: readonly Difference[], whole: TheirPacket | undefined): void {
    for (const { name } of answers.theirs) this.#tallyOf(name).theirs++;
    for (const { theirs } of differences) if (theirs !== undefined) this.#tallyOf(theirs.name).missed++;
    for (const { name } of equalByPlace(answers)) this.#tallyOf(name).byPlace++;
    const ours = answers.all.ours.filter(({ name }) => this.known.has(name));
    for (const { name } of ours) this.#tallyOf(name).ours++;
    const extra = unmatched(ours, answers.all.theirs);
    const invented = extra.filter((our) => whole === undefined || !isIn(whole, our, answers.frame));
    this.beforeTheCut += extra.length - invented.length;
    for (const { name } of invented) this.#tallyOf(name).extra++;
  }

  /** Of these protocols together; of all when not given. */
  of(protocols: readonly string[] = this.protocols): Tally {
    const sum: Tally = { ...NONE };
    for (const protocol of protocols) {
      const tally = this.#tallies.get(protocol);
      for (const key of Object.keys(sum) as (keyof Tally)[]) sum[key] += tally?.[key] ?? 0;
    }
    return sum;
  }

  get protocols(): string[] {
    return [...this.#tallies.keys()].sort();
  }

  #tallyOf(field: string): Tally {
    const protocol = field.split('.')[0]!;
    const tally = this.#tallies.get(protocol) ?? { ...NONE };
    this.#tallies.set(protocol, tally);
    return tally;
  }
}

/** Those of ours for which tshark has none of the name at the place. */
function unmatched(ours: readonly OurField[], theirs: readonly TheirField[]): OurField[] {
  const left = new Map<string, number>();
  for (const their of theirs) left.set(placeOf(their), (left.get(placeOf(their)) ?? 0) + 1);
  return ours.filter((our) => {
    const count = left.get(placeOf(our)) ?? 0;
    left.set(placeOf(our), count - 1);
    return count <= 0;
  });
}

/** A text may end at the cut, and then is not yet what it is in the whole packet. */
const isIn = ({ fields }: TheirPacket, our: OurField, { bytes }: Frame): boolean =>
  fields.some(
    (their) =>
      placeOf(their) === placeOf(our) &&
      (isSameValue(our.value, their.show) || our.offset + our.lengthBytes === bytes.length),
  );
