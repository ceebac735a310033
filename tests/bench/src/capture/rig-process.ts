// An agent without its network: opener, capture thread, spool. Its command line: NAMESPACE_PATH
import { setTimeout as delay } from 'node:timers/promises';
import { answerParent } from './talking-child.js';

/** A filter as the bench names it. */
export interface RigFilter {
  readonly filter: string;
  readonly version: number;
  readonly expression: string;
  readonly snaplenBytes: number;
}

/** What is used of `CaptureRig`: the bench runs the agent as it is built, as users do. */
interface Rig {
  readonly service: { desire(filters: readonly RigFilter[]): unknown };
  readonly sections: unknown[];
  readonly source: {
    counters(): Promise<{ sockets: readonly { passed: number; dropped: number; taken: number }[]; taken: number }>;
  };
  start(): Promise<void>;
  desire(order: unknown): Promise<{ outcomes: readonly { filter: string; state: string; reason?: string }[] }>;
  settled(): Promise<void>;
  read(): Promise<unknown>;
  stop(): Promise<void>;
}

/** How often the spool is emptied: as often as the sender of an agent under load does. */
const READ_MS = 50;
const BUILT_RIG = '../../../../apps/capture-agent/dist/testing/capture-rig.js';

const { CaptureRig } = (await import(new URL(BUILT_RIG, import.meta.url).href)) as {
  CaptureRig: new (namespacePath: string) => Rig;
};
const rig = new CaptureRig(process.argv[2]!);
await rig.start();
let running = true;
const reading = (async () => {
  while (running) {
    await rig.read();
    rig.sections.length = 0;
    await delay(READ_MS);
  }
})();

export const rigQuestions = {
  /** Resolves when these filters run, and no others. */
  async desire(filters: readonly RigFilter[]): Promise<void> {
    const { outcomes } = await rig.desire(rig.service.desire(filters));
    const refused = outcomes.find(({ state }) => state !== 'attested');
    if (refused) throw new Error(`${refused.filter} is ${refused.state}: ${refused.reason}`);
    await rig.settled();
  },
  /** Of the sockets that are open now. */
  async counters(): Promise<{ passed: number; dropped: number; taken: number }> {
    const { sockets } = await rig.source.counters();
    const sum = (of: 'passed' | 'dropped' | 'taken') => sockets.reduce((total, socket) => total + socket[of], 0);
    return { passed: sum('passed'), dropped: sum('dropped'), taken: sum('taken') };
  },
};
export type RigQuestions = typeof rigQuestions;

answerParent(rigQuestions, async () => {
  running = false;
  await reading;
  await rig.stop();
});
