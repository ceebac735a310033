import { brokerErrorOf } from './kafka-errors.js';

/** Answers after which the group has moved on and this member's partitions are somebody else's. */
const LOST: readonly string[] = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'];
const REBALANCING = 'REBALANCE_IN_PROGRESS';

export interface HeartbeatOptions {
  readonly heartbeat: () => Promise<void>;
  readonly intervalMs: number;
  /** How long the work may go on after the group began to share anew, which waits for it. */
  readonly graceMs: number;
  /** The work should end now. */
  readonly hurry: () => void;
}

/**
 * Keeps the membership alive while `work` goes on, which kafkajs itself does only between batches.
 * @throws what a heartbeat was answered, once the work is done, if kafkajs must join the group anew
 */
export async function withHeartbeats<T>(work: Promise<T>, options: HeartbeatOptions): Promise<T> {
  let answer: unknown;
  let grace: NodeJS.Timeout | undefined;
  const beat = async () => {
    try {
      await options.heartbeat();
    } catch (error) {
      const name = brokerErrorOf(error) ?? '';
      if (LOST.includes(name)) options.hurry();
      else if (name === REBALANCING) grace ??= setTimeout(options.hurry, options.graceMs);
      // A broken connection mends itself, or the session's watchdog ends it.
      else return;
      answer = error;
    }
  };
  const timer = setInterval(() => void beat(), options.intervalMs);
  try {
    const result = await work;
    if (answer !== undefined) throw answer;
    return result;
  } finally {
    clearInterval(timer);
    clearTimeout(grace);
  }
}
