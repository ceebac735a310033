import { type Finding, no, ok, warning } from '@bpfleet/contract/doctor';
import { BpfleetError } from '@bpfleet/errors';
import { readRecording } from '../capture/read-recording.js';

const NAME = 'BPFLEET_AGENT_PCAP';

/** Whether the capture file can be replayed: it is read to its end, as the agent does. */
export async function recordingFinding(file: string): Promise<Finding> {
  try {
    const { packets, cut } = await readRecording(file);
    if (cut === undefined) return ok(NAME, `${file}: ${packets} packets`);
    return warning(NAME, cut, 'record it again where that is not all');
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    return no(NAME, error.message, error.hint ?? 'name a pcap or pcapng file');
  }
}
