import { Dissection, dissect, linkTypeName, summarize } from '@bpfleet/packet';
import type { CompileOptions } from '@bpfleet/pcap-filter';
import type { CapturedPacket } from '@bpfleet/section';
import type { Backend } from '../language/backends.js';
import { print, type Terminal } from '../terminal.js';
import { capturePackets, checkLinkType } from './capture-packets.js';
import { type Machine, settled, startMachine } from './machines.js';
import { compileFor } from './programs.js';

export interface MatchedFile {
  readonly read: string;
  readonly expression: string;
  readonly compile: CompileOptions;
  /** What the user said; without it the file's own link type counts. */
  readonly linktype: string | undefined;
  readonly backend: Backend;
  readonly count?: boolean;
  readonly limit?: number;
}

export interface Found {
  readonly read: number;
  readonly matched: number;
  /** For people: empty, or how many were cut too short to say. */
  readonly undecided: string;
}

/** Prints the matching packets: number in the file, time, one line in tcpdump's words. */
export async function matchFile(file: MatchedFile, terminal: Terminal): Promise<Found> {
  let machine: Machine | undefined;
  let linkType = file.linktype;
  const counted = { read: 0, matched: 0, undecided: 0 };
  try {
    for await (const packet of capturePackets(file.read, terminal)) {
      linkType ??= linkTypeName(packet.linkType);
      checkLinkType(packet, linkType, file.read);
      machine ??= await startMachine(
        file.backend,
        compileFor(file.backend, file.expression, { ...file.compile, linkType }),
      );
      counted.read++;
      const { verdict, isUndecided } = settled(machine.verdict(packet));
      if (isUndecided) counted.undecided++;
      if (verdict === 0) continue;
      counted.matched++;
      if (!file.count) await print(terminal.out, lineOf(packet, counted.read));
      if (counted.matched === file.limit) break;
    }
  } finally {
    machine?.stop();
  }
  // Also of a file without packets: a wrong expression is told.
  if (machine === undefined) {
    compileFor(file.backend, file.expression, { ...file.compile, ...(linkType && { linkType }) });
  }
  const undecided = counted.undecided === 0 ? '' : `; ${counted.undecided} were cut too short to say`;
  return { ...counted, undecided };
}

const dissection = new Dissection();

function lineOf({ bytes, linkType, atNs }: CapturedPacket, number: number): string {
  dissect(bytes, 0, bytes.length, linkType, dissection);
  const at = new Date(Number(atNs / 1_000_000n)).toISOString().slice(0, -4);
  const nanoseconds = String(atNs % 1_000_000_000n).padStart(9, '0');
  return `${number}  ${at}${nanoseconds}Z  ${summarize(dissection, bytes)}\n`;
}
