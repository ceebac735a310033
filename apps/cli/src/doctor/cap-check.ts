import { type Finding, no, ok, warning } from '@bpfleet/contract/doctor';
import { BUILD_CAP, type Probe } from '@bpfleet/linux';

/** Whether the source `cap` would work, which only matters where an agent is to use it. */
export function capCheck(built: Probe, env: Readonly<Record<string, string | undefined>>): Finding {
  const name = 'cap';
  const isWanted = env.BPFLEET_AGENT_SOURCE === 'cap';
  if (!built.ok) {
    return isWanted
      ? no(name, built.reason, BUILD_CAP)
      : ok(name, `${built.reason}, and not needed by the source ring`);
  }
  if (!isWanted) return ok(name, 'built, and not used: the source is ring');
  if (!/^(true|1|yes|on|y|enabled)$/i.test(env.BPFLEET_AGENT_ALLOW_CAP ?? '')) {
    return no(name, 'built, but not allowed', 'BPFLEET_AGENT_ALLOW_CAP=true, or BPFLEET_AGENT_SOURCE=ring');
  }
  return warning(name, 'built and allowed', 'filters are `reported`, never attested; use ring where it works');
}
