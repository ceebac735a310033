import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LONGEST_WAIT_MS = 30_000;
const BETWEEN_LOOKS_MS = 5;

/** What `ip -json link` tells of an interface, as far as it matters. */
interface Link {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly qdisc: string;
  readonly operstate: string;
}

/**
 * Resolves when the interfaces that are switched on take packets. `ip link set … up` returns before: that a cable has two
 * ends now is an event (net/core/link_watch.c), and until the kernel has come to it, what is sent is dropped unseen by the
 * queue that takes its place (`noop_qdisc`).
 * @param options of ip(8): `-netns NAME`; without, this machine's own
 * @param device only this one
 */
export async function untilLinksCarry(options: readonly string[], device?: string): Promise<void> {
  const deadline = performance.now() + LONGEST_WAIT_MS;
  for (;;) {
    const { stdout } = await run('ip', [...options, '-json', 'link', 'show', ...(device ? ['dev', device] : [])]);
    const waiting = (JSON.parse(stdout) as Link[]).filter((link) => link.flags.includes('UP') && !carries(link));
    if (waiting.length === 0) return;
    if (performance.now() > deadline) {
      throw new Error(`${waiting.map(({ ifname, operstate }) => `${ifname} is ${operstate}`).join(', ')}: no cable?`);
    }
    await delay(BETWEEN_LOOKS_MS);
  }
}

/** The first has one queue until it is in use, the second state after it was: neither alone tells. */
const carries = ({ qdisc, operstate }: Link): boolean =>
  qdisc !== 'noop' && (operstate === 'UP' || operstate === 'UNKNOWN');
