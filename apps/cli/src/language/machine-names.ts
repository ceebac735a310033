import { readFile } from 'node:fs/promises';
import type { NameTables, Service } from '@bpfleet/pcap-filter';

type Transport = Service['protocols'][number];
const TRANSPORTS: readonly string[] = ['tcp', 'udp', 'sctp'];

/**
 * The services and protocols this machine knows (services(5), protocols(5)), as tcpdump would use them; what is not
 * there comes from the compiler's own tables. Hosts are not looked up: an expression must mean the same everywhere.
 */
export async function machineNames(folder = '/etc'): Promise<NameTables> {
  const [services, protocols] = await Promise.all([readTable(`${folder}/services`), readTable(`${folder}/protocols`)]);
  return { services: servicesOf(services), protocols: protocolsOf(protocols) };
}

/** The lines' words, without comments; none where the file cannot be read. */
async function readTable(path: string): Promise<string[][]> {
  // Optional by its nature: containers often have none.
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map((line) => line.split(/\s+/));
}

function servicesOf(rows: readonly string[][]): Record<string, Service> {
  const services = new Map<string, { port: number; protocols: Transport[] }>();
  for (const [name = '', place = '', ...aliases] of rows) {
    const [port, transport = ''] = place.split('/');
    if (!TRANSPORTS.includes(transport)) continue;
    for (const alias of [name, ...aliases]) {
      const known = services.get(alias);
      if (known === undefined) services.set(alias, { port: Number(port), protocols: [transport as Transport] });
      // The same name with another port over another protocol: the first counts.
      else if (known.port === Number(port)) known.protocols.push(transport as Transport);
    }
  }
  return Object.fromEntries(services);
}

function protocolsOf(rows: readonly string[][]): Record<string, number> {
  const named = rows.flatMap(([name = '', number = '', ...aliases]) =>
    [name, ...aliases.map((alias) => alias.toLowerCase())].map((one) => [one, Number(number)] as const),
  );
  return Object.fromEntries(named.filter(([, number]) => Number.isInteger(number)));
}
