import type { Service } from './service.js';
import { builtInProtocols, builtInServices } from './services.js';

/** What names in an expression stand for. Services and protocols add to the built-in ones. */
export interface NameTables {
  /** IPv4 and IPv6 addresses of each host. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  /** `10.0.0.0/8` or `2001:db8::/32`. */
  readonly networks?: Readonly<Record<string, string>>;
  readonly ethers?: Readonly<Record<string, string>>;
  readonly services?: Readonly<Record<string, Service>>;
  readonly protocols?: Readonly<Record<string, number>>;
  /** Lists that sets name: `{@threat-list}`. */
  readonly sets?: Readonly<Record<string, readonly string[]>>;
}

/** Looks names up; nothing here asks the network, so a filter means the same wherever it is compiled. */
export interface NameResolver {
  host(name: string): readonly string[] | undefined;
  network(name: string): string | undefined;
  ether(name: string): string | undefined;
  service(name: string): Service | undefined;
  protocol(name: string): number | undefined;
  set(name: string): readonly string[] | undefined;
}

/** Tables are large and mostly the same for many expressions. */
const resolvers = new WeakMap<NameTables, NameResolver>();

/** A resolver over tables, which must not change any more; upper and lower case are the same. */
export function resolverOf(tables: NameTables = {}): NameResolver {
  const known = resolvers.get(tables);
  if (known !== undefined) return known;
  const resolver = makeResolver(tables);
  resolvers.set(tables, resolver);
  return resolver;
}

function makeResolver(tables: NameTables): NameResolver {
  const hosts = tableOf(tables.hosts);
  const networks = tableOf(tables.networks);
  const ethers = tableOf(tables.ethers);
  const services = tableOf({ ...builtInServices, ...tables.services });
  const protocols = tableOf({ ...builtInProtocols, ...tables.protocols });
  const sets = tableOf(tables.sets);
  return { set: sets, host: hosts, network: networks, ether: ethers, service: services, protocol: protocols };
}

function tableOf<Entry>(record: Readonly<Record<string, Entry>> = {}): (name: string) => Entry | undefined {
  const table = new Map(Object.entries(record).map(([name, entry]) => [name.toLowerCase(), entry]));
  return (name) => table.get(name.toLowerCase());
}
