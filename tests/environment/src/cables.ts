import { execFileSync } from 'node:child_process';
import type { Host, Hosts } from './hosts.js';

/** `e7`, whose cable's other end is `p7`. */
export const cableNames = (count: number, first = 1): string[] =>
  Array.from({ length: count }, (_, index) => `e${first + index}`);

export const otherEnd = (name: string): string => `p${name.slice(1)}`;

/** Cables of a host to itself, as containers have them; nobody on them says anything by itself. */
export async function addCables(hosts: Hosts, host: Host, names: readonly string[]): Promise<void> {
  const quiet = ['all', 'default'].map((which) => `net.ipv6.conf.${which}.disable_ipv6=1`);
  await hosts.exec(host, ['sysctl', '-qw', ...quiet]);
  const commands = names.flatMap((name) => [
    `link add ${name} type veth peer name ${otherEnd(name)}`,
    `link set ${name} up`,
    `link set ${otherEnd(name)} up`,
  ]);
  execFileSync('ip', ['-netns', host.namespace, '-batch', '-'], { input: commands.join('\n') });
  for (const name of names) await hosts.untilCarries(host, name);
}

/** With both ends. */
export function removeCables(host: Host, names: readonly string[]): void {
  const commands = names.map((name) => `link del ${name}`);
  execFileSync('ip', ['-netns', host.namespace, '-batch', '-'], { input: commands.join('\n') });
}
