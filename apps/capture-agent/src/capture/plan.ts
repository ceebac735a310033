import { checkProgram, encodeProgram, fromTuples, type Program } from '@bpfleet/bpf';
import type { DesiredFilter, FilterState } from '@bpfleet/contract';
import { type ExcludedEndpoint, excludeOwnTraffic } from './own-traffic.js';
import type { CaptureTarget } from './packet-source.js';

export interface HostInterface {
  readonly name: string;
  readonly index: number;
  /** `EN10MB`, or undefined where this release has no form for it. */
  readonly linkType: string | undefined;
  readonly up: boolean;
}

export interface CapturePlan {
  readonly targets: readonly CaptureTarget[];
  /** Filters that cannot run on an interface, with the reason. */
  readonly refused: readonly FilterState[];
}

export interface PlanInputs {
  readonly filters: readonly DesiredFilter[];
  readonly interfaces: readonly HostInterface[];
  /** Whether the agent may open the interface, by its own configuration. */
  readonly mayOpen: (name: string) => boolean;
  readonly matches: (patterns: readonly string[], name: string) => boolean;
  readonly excluded: readonly ExcludedEndpoint[];
}

/** What should run on this host: each filter on each interface its patterns name. Pure. */
export function planCaptures(inputs: PlanInputs): CapturePlan {
  const targets: CaptureTarget[] = [];
  const refused: FilterState[] = [];
  for (const filter of inputs.filters) {
    for (const device of inputs.interfaces) {
      if (!device.up || !inputs.mayOpen(device.name) || !inputs.matches(filter.interfaces, device.name)) continue;
      const outcome = targetOn(filter, device, inputs.excluded);
      if ('program' in outcome) targets.push(outcome);
      else refused.push(outcome);
    }
  }
  return { targets, refused };
}

function targetOn(
  filter: DesiredFilter,
  device: HostInterface,
  excluded: readonly ExcludedEndpoint[],
): CaptureTarget | FilterState {
  const refusal = (state: FilterState['state'], reason: string): FilterState => ({
    filter: filter.filter,
    version: filter.version,
    digest: filter.digest,
    interface: device.name,
    linkType: device.linkType ?? 'unknown',
    state,
    reason,
  });
  const { linkType } = device;
  const form = filter.programs.find((program) => program.form === 'live' && program.linkType === linkType);
  if ((linkType !== 'EN10MB' && linkType !== 'RAW') || form === undefined) {
    return refusal('not applicable', `the version has no program for link type ${linkType ?? 'of this interface'}`);
  }
  const program: Program = excludeOwnTraffic(fromTuples(form.instructions), excluded, linkType);
  const fault = checkProgram(program);
  if (fault) return refusal('refused', `instruction ${fault.instruction}: ${fault.message} (${fault.rule})`);
  return {
    key: `${filter.filter}@${device.name}`,
    filter: filter.filter,
    version: filter.version,
    digest: filter.digest,
    expression: filter.expression,
    snaplenBytes: filter.snaplenBytes,
    interface: { name: device.name, index: device.index, linkType },
    program: encodeProgram(program),
  };
}
