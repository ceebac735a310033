import { spawnSync } from 'node:child_process';
import { canMakeHosts } from '@bpfleet/test-environment';
import type { Requirement } from '../environment/src/requirements.js';

/** Network namespaces may be made here. */
export async function hostsHere(): Promise<Requirement> {
  const probe = await canMakeHosts();
  return probe.ok ? {} : { unavailable: probe.reason };
}

/** All of these programs are installed. */
export function commands(...names: readonly string[]): Requirement {
  const missing = names.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  return missing.length === 0 ? {} : { unavailable: `not installed: ${missing.join(', ')}` };
}
