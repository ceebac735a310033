import { answerWithin, boundedAnswer } from '@bpfleet/contract';
import { type Finding, no, ok, reasonOf, warning } from '@bpfleet/contract/doctor';

const TIMEOUT_MS = 3000;
/** What the filter-manager takes of an agent's clock (`CLOCK_TOLERANCE_SECONDS`). */
const CLOCK_TOLERANCE_MS = 30_000;

const MAX_ANSWER_BYTES = 64 * 1024;
const notCompared = warning(
  'clock',
  'not compared: the filter-manager gave no answer',
  'run this again once it answers',
);

/** Whether it is what `HealthController` answers: others have such a path too. */
function isReadiness(text: string): boolean {
  try {
    const { status, checks } = JSON.parse(text) as { status?: unknown; checks?: unknown };
    return typeof status === 'string' && typeof checks === 'object' && checks !== null;
  } catch {
    // A page, say.
    return false;
  }
}

/** The filter-manager, and how far this host's clock is from its. */
export async function serverFindings(server: string, nowMs: () => number): Promise<Finding[]> {
  const name = `filter-manager ${server}`;
  try {
    const [response, text] = await answerWithin(TIMEOUT_MS, 'it', async (signal) => {
      const answer = await fetch(new URL('/healthz/ready', server), { signal });
      return [answer, await boundedAnswer(answer, MAX_ANSWER_BYTES).text()] as const;
    });
    const advice = 'something else answers there; see BPFLEET_SERVER';
    if (!isReadiness(text))
      return [no(name, `answers ${response.status}, and not as a filter-manager`, advice), notCompared];
    const reached = response.ok ? ok(name, 'ready') : no(name, `answers ${response.status}`, 'see its log');
    return [reached, clock(response.headers.get('date'), nowMs())];
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return [
      no(name, reasonOf(cause), 'the last desired state keeps running meanwhile; see BPFLEET_SERVER'),
      notCompared,
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
