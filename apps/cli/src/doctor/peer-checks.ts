import { answerWithin } from '@bpfleet/contract';
import { type Finding, no, ok, reasonOf, warning } from '@bpfleet/contract/doctor';

const TIMEOUT_MS = 3000;
/** What the filter-manager takes of an agent's clock (`CLOCK_TOLERANCE_SECONDS`). */
const CLOCK_TOLERANCE_MS = 30_000;

/** The filter-manager, and how far this host's clock is from its. */
export async function serverChecks(server: string, nowMs: () => number): Promise<Finding[]> {
  const name = `filter-manager ${server}`;
  try {
    const response = await answerWithin(TIMEOUT_MS, 'it', (signal) =>
      fetch(new URL('/healthz/ready', server), { signal }),
    );
    const reached = response.ok ? ok(name, 'ready') : no(name, `answers ${response.status}`, 'see its log');
    return [reached, clock(response.headers.get('date'), nowMs())];
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return [
      no(name, reasonOf(cause), 'the last desired state keeps running meanwhile; see BPFLEET_SERVER'),
      warning('clock', 'not compared: the filter-manager gave no answer', 'run this again once it answers'),
    ];
  }
}

function clock(date: string | null, nowMs: number): Finding {
  const serverMs = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(serverMs))
    return warning('clock', 'the filter-manager does not tell its time', 'compare it by hand');
  const apartMs = Math.abs(nowMs - serverMs);
  const detail = `${(apartMs / 1000).toFixed(0)} s from the filter-manager’s`;
  if (apartMs <= CLOCK_TOLERANCE_MS) return ok('clock', detail);
  return warning('clock', detail, 'packets carry this host’s time: set it, by NTP say');
}
