import { fileURLToPath } from 'node:url';
import {
  type ChosenSource as AgentSource,
  fileSource,
  openedRings,
  readRecording,
  ringSource,
} from '@bpfleet/capture-agent';
import { BpfleetError } from '@bpfleet/errors';
import { canCapture, interfaces, matchesPatterns } from '@bpfleet/linux';
import type { StandaloneOptions } from './options.js';

/** Recorded by our own builders; replayed where nothing may be captured. */
const RECORDING = fileURLToPath(new URL('../../../tests/fixtures/first-five-minutes.pcap', import.meta.url));

export interface ChosenSource {
  readonly agentSource: AgentSource;
  readonly kind: 'live' | 'recording';
  /** One line for the screen: what is captured, and why not in the kernel if not. */
  readonly says: string;
  /** How far back the first answer has to look: a recording of the user keeps its own times. */
  readonly since: string;
}

/**
 * Live in the kernel where that is allowed, a replay otherwise or when a file was named.
 * @throws BpfleetError `FILE_UNREADABLE`, `CAPTURE_FILE_CORRUPT`, `INTERFACE_UNKNOWN`, `CAPTURE_NOT_PERMITTED`
 */
export async function chooseSource({ pcap, interfaces: wanted }: StandaloneOptions): Promise<ChosenSource> {
  if (pcap !== undefined) {
    const recording = await readRecording(pcap);
    const { cut } = recording;
    return {
      agentSource: fileSource(recording, { speed: 'full', times: 'recorded', repeat: false }),
      kind: 'recording',
      says: `Replaying ${pcap}.${cut === undefined ? '' : ` ${cut}.`}`,
      since: '1970-01-01T00:00:00Z',
    };
  }
  const permission = canCapture();
  if (permission.ok) {
    refuseUnknown(wanted ?? []);
    return live(ringSource(), wanted);
  }
  if (wanted !== undefined) {
    throw new BpfleetError('CAPTURE_NOT_PERMITTED', `cannot capture on ${wanted.join(', ')}: ${permission.reason}`, {
      hint: 'start as root or with CAP_NET_RAW, or leave --interface out to replay a recording',
    });
  }
  const recording = await readRecording(RECORDING);
  return {
    agentSource: fileSource(recording, { speed: 'recorded', times: 'now', repeat: true }),
    kind: 'recording',
    says: `Not capturing (${permission.reason}): replaying a recording.`,
    since: '-1m',
  };
}

/** In a process beside the opener, which has found that it may capture. */
export const sourceApart = ({ interfaces: wanted }: StandaloneOptions): ChosenSource => live(openedRings, wanted);

function live(agentSource: AgentSource, wanted: readonly string[] | undefined): ChosenSource {
  const where = wanted?.join(', ') ?? 'loopback';
  return { agentSource, kind: 'live', says: `Capturing on ${where}, in the kernel.`, since: '-1m' };
}

function refuseUnknown(wanted: readonly string[]): void {
  const present = interfaces().map(({ name }) => name);
  const unknown = wanted.find(
    (pattern) => !pattern.startsWith('!') && !present.some((name) => matchesPatterns([pattern], name)),
  );
  if (unknown === undefined) return;
  throw new BpfleetError('INTERFACE_UNKNOWN', `no interface ${unknown} on this host`, {
    hint: `there are: ${present.join(', ')}`,
  });
}
