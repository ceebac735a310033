import type { FilterOutcome, InterfaceMembers } from '../border/opener-port.js';
import type { SocketPlan } from './plan.js';

/** What runs where the source filters by itself: all that is planned, and nothing that could be attested. */
export function reportedOutcomes({ sockets, refused }: SocketPlan): FilterOutcome[] {
  const reported = sockets.flatMap(({ interface: device, members }) =>
    members.map(
      ({ captured: member }): FilterOutcome => ({
        filter: member.filter,
        version: member.version,
        digest: member.digest,
        interface: device.name,
        linkType: device.linkType,
        state: 'reported',
        ...(member.selfTest ? { selfTest: member.selfTest } : {}),
      }),
    ),
  );
  return [...reported, ...refused];
}

/** What the source is to filter with, which has no sockets whose events would tell. */
export const plannedMembers = ({ sockets }: SocketPlan): InterfaceMembers[] =>
  sockets.map((planned) => ({
    interface: planned.interface,
    members: planned.members.map(({ captured }) => captured),
  }));
