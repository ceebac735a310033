import { answerLines } from '../batch/lines.js';
import { MatchRequest, readRequest } from '../batch/requests.js';
import { machineNames } from '../language/machine-names.js';
import type { Terminal } from '../terminal.js';
import { capturePackets, checkLinkType } from './capture-packets.js';
import { type JudgedPacket, settled, startMachine } from './machines.js';
import { runnableOf } from './programs.js';

/** `bpfleet match --batch`: each line a program or an expression and packets; answered by the verdicts in order. */
export async function matchBatch(terminal: Terminal): Promise<void> {
  const names = await machineNames();
  await answerLines(terminal, async (line) => {
    const request = readRequest(MatchRequest, line);
    const machine = await startMachine(request.backend, runnableOf(request, names));
    const verdicts: number[] = [];
    const undecided: number[] = [];
    try {
      for await (const packet of packetsOf(request, terminal)) {
        const { verdict, isUndecided } = settled(machine.verdict(packet));
        if (isUndecided) undecided.push(verdicts.length);
        verdicts.push(verdict);
      }
    } finally {
      machine.stop();
    }
    // Named only where there are some: packets cut so short that the answer hangs on what is missing.
    return undecided.length === 0 ? { verdicts } : { verdicts, undecided };
  });
}

async function* packetsOf(request: MatchRequest, terminal: Terminal): AsyncGenerator<JudgedPacket> {
  for (const { data, len } of request.packets ?? []) {
    const bytes = Buffer.from(data, 'hex');
    yield { bytes, wireLength: Math.max(len ?? bytes.length, bytes.length) };
  }
  if (request.pcap === undefined) return;
  for await (const packet of capturePackets(request.pcap, terminal)) {
    if (request.expr !== undefined) checkLinkType(packet, request.linktype, request.pcap);
    yield packet;
  }
}
