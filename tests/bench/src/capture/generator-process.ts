// The generator: sends frames on one end of the cable. Its command line: NAMESPACE_PATH INTERFACE
import { interfaces, PacketSender, withinNetworkNamespace } from '@bpfleet/linux';
import { answerParent } from './talking-child.js';

const [namespacePath, device] = process.argv.slice(2) as [string, string];
/** No pace: sendmmsg(2) after sendmmsg(2). */
const UNLIMITED = 1e9;

const sender = withinNetworkNamespace(namespacePath, () => {
  const interfaceIndex = interfaces().find(({ name }) => name === device)!.index;
  return PacketSender.open({ interfaceIndex, bypassQdisc: true });
});

let frames: readonly Uint8Array[] = [];

export const generatorQuestions = {
  load(given: readonly Uint8Array[]): void {
    frames = given;
  },
  /** How many went out, and how long that took. */
  async send(count: number, packetsPerSecond = UNLIMITED): Promise<{ sent: number; ms: number }> {
    const start = performance.now();
    const sent = await sender.sendPaced(frames, { packetsPerSecond, count });
    return { sent, ms: performance.now() - start };
  },
};
export type GeneratorQuestions = typeof generatorQuestions;

answerParent(generatorQuestions, () => sender.close());
