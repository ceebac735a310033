import { judged, type MeasuredRow } from '../benchmark.js';
import { plainFrames } from './frames.js';
import type { Rig } from './rig.js';
import { compared, nsPerPacket, type TournamentOptions, tournament } from './tournament.js';
import type { Capturer, RoundResult, Wire } from './wire.js';

const EVERYTHING = { filter: 'all', version: 1, expression: '', snaplenBytes: 96 };
const OURS = 'ours';

export const lossAndCostWorkload =
  'loss and CPU to the spool: 100-byte UDP frames on a veth pair, sendmmsg with qdisc bypass, one processor for the ' +
  'generator and one for whoever captures; match-all at 96 bytes (netsniff-ng cannot cut), rings of 64 MiB; ours is ' +
  'opener, capture thread and spool in one process, the spool kept and synced; peers write a file, which they do not sync; CPU ' +
  'of all threads from the first packet to 1.5 s after the last';

export interface LossAndCost {
  readonly rows: readonly MeasuredRow[];
  /** Median over all rounds of all. */
  readonly packetsPerSecond: number;
}

/** Rows 1 and 2 of the capture agent's table: the same rounds answer both. */
export async function measureLossAndCost(
  wire: Wire,
  rig: Rig,
  peers: readonly Capturer[],
  options: TournamentOptions & { readonly seed: number },
): Promise<LossAndCost> {
  await wire.generator.ask('load', plainFrames(options.seed));
  const results = await tournament(wire, [rig.with(OURS, [EVERYTHING]), ...peers], options);
  const ours = results.get(OURS)!;
  const rates = [...results.values()].flat().map((round) => round.packetsPerSecond);
  const rows: MeasuredRow[] = [];
  for (const { name } of peers) rows.push(lossRow(name, ours, results.get(name)!));
  const tcpdump = results.get('tcpdump');
  if (tcpdump) {
    rows.push(costRow(ours, tcpdump, 'ring to spool', nsPerPacket));
    const ofCaptureThread = ({ busiestNs = 0, cpuNs, captured }: RoundResult) => (busiestNs || cpuNs) / captured;
    rows.push(costRow(ours, tcpdump, 'ring to spool, capture thread alone', ofCaptureThread));
  }
  return { rows, packetsPerSecond: rates.toSorted((a, b) => a - b)[Math.floor(rates.length / 2)]! };
}

const lost = ({ sent, captured }: RoundResult): number => sent - captured;

/** All that was lost in the rounds in which the peer lost nothing. Where it always lost: how much more ours lost. */
function lossRow(peer: string, ours: readonly RoundResult[], theirs: readonly RoundResult[]): MeasuredRow {
  const excess = ours.map((result, round) => Math.max(0, lost(result) - lost(theirs[round]!)));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return judged({
    ...{ bench: 'capture', row: `lost, ${peer} beside`, unit: 'packets', better: 'less', bar: 0, goal: 0 },
    ...{ value: sum(ours.map(lost)), peer: sum(theirs.map(lost)), ratio: sum(excess) },
    ...{ spread: [Math.min(...excess), Math.max(...excess)], n: ours.length },
  });
}

function costRow(
  ours: readonly RoundResult[],
  peer: readonly RoundResult[],
  row: string,
  figure: (result: RoundResult) => number,
): MeasuredRow {
  return judged({
    ...{ bench: 'capture', row: `CPU, ${row}; tcpdump -w`, unit: 'ns/packet', better: 'less', bar: 2, goal: 1 },
    ...compared(ours, peer, figure),
  });
}
