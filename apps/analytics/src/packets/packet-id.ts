import type { SectionHeader } from '@bpfleet/contract';

type SectionName = Pick<SectionHeader, 'agent' | 'epoch' | 'seq'>;

/** Names one stored section for ever. */
export const sectionId = ({ agent, epoch, seq }: SectionName): string => `${agent}.${epoch}.${seq}`;

/** `agent.epoch.seq.index`. An agent's id may hold dots: read it from the right. */
export const packetId = (section: SectionName, index: number): string => `${sectionId(section)}.${index}`;
