import { z } from 'zod';
import { Timestamp } from '../naming.js';

const Count = z.int().nonnegative();

/** Parts of a range of packet times of which not all is kept any more. */
export const NotRetained = z.array(
  z.object({
    since: Timestamp,
    until: Timestamp,
    sections: Count.optional().describe('About so many; where packets were asked for'),
  }),
);
export type NotRetained = z.infer<typeof NotRetained>;

/**
 * What is known to be lost of the whole range, of all agents or the one that was asked for, whatever the expression: nobody
 * knows whether a packet that is lost would match. A loss of which only the bounds are known counts where they touch the range.
 */
export const KnownLosses = z.object({
  droppedByKernel: Count.describe('Packets that agents’ rings had no room for'),
  lostByAgents: Count.describe('Packets of sections that were open when an agent’s process was killed'),
  leftOutByAgents: Count.describe(
    'Packets that agents took and put into no section, because of their filters’ sampling or a budget of packets, bytes or CPU',
  ),
  sectionsMissing: Count.describe('Made by agents and not stored: given up by a spool or by Kafka, or in quarantine'),
  packetsMissing: Count.describe(
    'In the sections that are missing, and in those behind the last of an epoch that came, of which nobody knows how many they are',
  ),
  recordsQuarantined: Count,
  recordsLost: Count.describe('Given up by Kafka before they were read; of which agents, nobody knows'),
  notRetained: NotRetained.optional().describe(
    'Parts of the range of which what the answer is made from is given up: too old, or too much was stored',
  ),
});
export type KnownLosses = z.infer<typeof KnownLosses>;

/** How complete an answer is. */
export const Completeness = z.object({
  sectionsScanned: Count,
  sectionsPruned: Count.describe('Passed over unread: by their index they hold nothing that matches, nor is undecided'),
  packetsScanned: Count,
  packetsUndecided: Count.describe(
    'Neither yes nor no: the bytes that decide were cut off at capture, or filters do not know the link type',
  ),
  ...KnownLosses.shape,
  rangeScanned: z.boolean().describe('False when the scan ended before the range was through'),
  stoppedBy: z
    .enum(['limit', 'time', 'packets'])
    .optional()
    .describe('What ended the scan: the limit of the query, or its budget'),
});
export type Completeness = z.infer<typeof Completeness>;
