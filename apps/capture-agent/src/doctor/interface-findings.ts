import { type Finding, ok, warning } from '@bpfleet/contract/doctor';
import { matchesPatterns } from '@bpfleet/linux';
import type { HostInterface } from '../opener/plan.js';

const NAME = 'interfaces';

/** Which interfaces the agent may open, and which patterns name none: they may come, or be a slip of the pen. */
export function interfaceFindings(
  patterns: readonly string[],
  interfaces: readonly Pick<HostInterface, 'name' | 'linkType'>[],
): Finding[] {
  const names = interfaces.map(({ name }) => name);
  const there = names.join(', ') || 'none';
  const unmatched = patterns.filter(
    (pattern) => !names.some((name) => matchesPatterns([pattern.replace(/^!/, '')], name)),
  );
  const findings = unmatched.map((pattern) => {
    const what = pattern.startsWith('!') ? `${pattern} excludes nothing` : `no interface ${pattern}`;
    return warning(
      NAME,
      `${what} now; there are: ${there}`,
      'it holds once such a one comes; see BPFLEET_AGENT_INTERFACES',
    );
  });
  const open = names.filter((name) => matchesPatterns(patterns, name));
  if (open.length > 0) return [ok(NAME, `may be opened: ${open.join(', ')}`), ...findings];
  const advice = 'the agent waits for one to come; name one that is there in BPFLEET_AGENT_INTERFACES';
  return [warning(NAME, `none may be opened; there are: ${there}`, advice), ...findings];
}
