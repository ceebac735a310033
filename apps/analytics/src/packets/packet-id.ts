import type { SectionHeader } from '@bpfleet/contract';

type SectionName = Pick<SectionHeader, 'agent' | 'epoch' | 'seq'>;

/** Names one stored section for ever. */
export const sectionId = ({ agent, epoch, seq }: SectionName): string => `${agent}.${epoch}.${seq}`;

/** `agent.epoch.seq.index`. An agent's id may hold dots: read it from the right. */
export const packetId = (section: SectionName, index: number): string => `${sectionId(section)}.${index}`;

/** Reads what `packetId` wrote; undefined when it is none. */
export function parsePacketId(id: string): (SectionName & { readonly index: number }) | undefined {
  const [, agent, ...numbers] = /^(.+)\.(\d{1,15})\.(\d{1,15})\.(\d{1,7})$/.exec(id) ?? [];
  const [epoch, seq, index] = numbers.map(Number);
  if (agent === undefined || epoch === undefined || seq === undefined || index === undefined) return undefined;
  return { agent, epoch, seq, index };
}
