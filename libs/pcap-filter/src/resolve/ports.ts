import { syntaxFault } from '../fault.js';
import { shortened } from '../lex/lex.js';
import { type Logic, leafOf } from '../logic.js';
import type { Primitive } from '../parse/tree.js';
import { sidesOf } from './hosts.js';
import type { Meaning } from './meaning.js';
import type { NameResolver } from './names.js';
import type { Service } from './service.js';
import { SCTP, TCP, UDP } from './services.js';
import { resolveSet } from './sets.js';

const NUMBERS = { tcp: TCP, udp: UDP, sctp: SCTP } as const;
/** In the order in which libpcap tries them. */
const ALL = [SCTP, TCP, UDP] as const;
const MAX_PORT = 0xffff;

/** `port` and `portrange`, over TCP, UDP and SCTP unless one is named; a service may run over fewer. */
export function resolvePorts(primitive: Primitive, names: NameResolver): Logic<Meaning> {
  const { value } = primitive;
  if (value.kind === 'set') return resolveSet(primitive, value, names, (one) => resolvePorts(one, names));
  return leafOf(portsOf(primitive, names));
}

function portsOf(primitive: Primitive, names: NameResolver): Meaning {
  const direction = sidesOf(primitive.qualifiers);
  const { low, high, protocols } = readPorts(primitive, names);
  const range = { from: Math.min(low.port, high.port), to: Math.max(low.port, high.port) };
  return { kind: 'ports', ranges: [range], direction, protocols, span: primitive.span };
}

/** The two ends as they are written, equal for a single port, and the protocols that both go with. Not of a set. */
export function readPorts(
  primitive: Primitive,
  names: NameResolver,
): { low: End; high: End; protocols: readonly number[] } {
  const { qualifiers, value, span } = primitive;
  const named = protocolOf(primitive);
  if (value.kind === 'number') {
    const end = { port: checkPort(value.value, span) };
    return { low: end, high: end, protocols: named ? [named] : ALL };
  }
  if (value.kind !== 'name') {
    throw syntaxFault(
      span,
      `an address is no port; “${qualifiers.type}” takes a number or a service`,
      'host 10.0.0.7 and port 80',
    );
  }
  const [from, to, ...more] = qualifiers.type === 'portrange' ? value.name.split('-') : [];
  const isRange = from && to && more.length === 0;
  const low = isRange ? readEnd(from, span, names) : service(value.name, span, names);
  const high = isRange ? readEnd(to, span, names) : low;
  return { low, high, protocols: commonProtocols(primitive, named, low, high) };
}

interface End {
  readonly port: number;
  /** What the service runs over; undefined for a number. */
  readonly protocols?: readonly number[];
}

function readEnd(text: string, span: Primitive['span'], names: NameResolver): End {
  return /^\d+$/.test(text) ? { port: checkPort(Number(text), span) } : service(text, span, names);
}

function service(name: string, span: Primitive['span'], names: NameResolver): End {
  const found: Service | undefined = names.service(name);
  if (found !== undefined)
    return { port: checkPort(found.port, span), protocols: found.protocols.map((one) => NUMBERS[one]) };
  const isRange = /^\d+-\d+$/.test(name);
  throw syntaxFault(
    span,
    `unknown port “${shortened(name)}”`,
    isRange ? `portrange ${shortened(name)}` : 'write the port’s number, or give the name in a services table',
  );
}

/**
 * A service in the tables for TCP alone matches TCP alone; one for TCP and UDP matches SCTP too, as in libpcap, which
 * takes it for "whatever has ports". Two ends with different protocols: whatever has ports.
 */
function commonProtocols(
  { span, value }: Primitive,
  named: number | undefined,
  low: End,
  high: End,
): readonly number[] {
  const only = [low, high].map(({ protocols }) => (protocols?.length === 1 ? protocols[0] : undefined));
  const restriction = only[0] === only[1] ? only[0] : undefined;
  if (named === undefined) return restriction === undefined ? ALL : [restriction];
  if (restriction !== undefined && restriction !== named) {
    const over = Object.entries(NUMBERS).find(([, number]) => number === restriction)?.[0] ?? 'another protocol';
    throw syntaxFault(span, `“${shortened(value.text)}” is a service over ${over}`, `${over} port ${value.text}`);
  }
  return [named];
}

function protocolOf({ qualifiers }: Primitive): number | undefined {
  const { protocol, span } = qualifiers;
  if (protocol === undefined) return undefined;
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp') return NUMBERS[protocol];
  throw syntaxFault(
    span,
    `“${protocol}” has no ports; tcp, udp and sctp have`,
    `${protocol} and port …, if both must hold`,
  );
}

function checkPort(port: number, span: Primitive['span']): number {
  if (port <= MAX_PORT) return port;
  throw syntaxFault(span, `there is no port ${port}; the last is ${MAX_PORT}`);
}
