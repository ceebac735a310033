import type { SectionInterface } from '@bpfleet/section';

/** As an interface block tells it of its packets; imported files mostly do not. */
export type Direction = NonNullable<SectionInterface['direction']>;

/** PACKET_HOST and PACKET_OUTGOING, include/uapi/linux/if_packet.h. */
export const PACKET_TYPE: Readonly<Record<Direction, number>> = { in: 0, out: 4 };
