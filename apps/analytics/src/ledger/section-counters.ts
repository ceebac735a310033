import type { Section } from '@bpfleet/section';
import type { SectionCounters } from '@bpfleet/store';

type Told = Pick<Section, 'ledger'>;

/** Members of a section's ledger, as the agent writes them. */
const MEMBER = {
  captured: 'captured',
  kept: 'kept',
  /** Over all its sockets. */
  dropped: 'kernel-dropped',
  before: {
    epoch: 'before-epoch',
    captured: 'before-captured',
    kept: 'before-kept',
    lost: 'before-lost',
    dropped: 'before-dropped',
    aliveAtMs: 'before-alive-ms',
  },
} as const;

/** How many packets the kernel had dropped when the section was closed, or undefined when it does not tell. */
export const droppedSinceEpoch = (section: Told): number | undefined => count(section, MEMBER.dropped);

/** What the agent had counted when it closed a section; undefined where it tells nothing. */
export function countersOf(section: Told): SectionCounters | undefined {
  if (section.ledger === undefined) return undefined;
  const epoch = count(section, MEMBER.before.epoch);
  const { captured, kept, lost, dropped, aliveAtMs } = MEMBER.before;
  return {
    captured: count(section, MEMBER.captured),
    kept: count(section, MEMBER.kept),
    dropped: count(section, MEMBER.dropped),
    ...(epoch === undefined
      ? {}
      : {
          before: {
            epoch,
            captured: count(section, captured) ?? 0,
            kept: count(section, kept),
            lost: count(section, lost) ?? 0,
            dropped: count(section, dropped) ?? 0,
            aliveAtMs: count(section, aliveAtMs) ?? 0,
          },
        }),
  };
}

function count({ ledger }: Told, member: string): number | undefined {
  const text = ledger?.[member];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
