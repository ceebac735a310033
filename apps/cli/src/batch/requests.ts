import { BpfleetError } from '@bpfleet/errors';
import type { NameTables } from '@bpfleet/pcap-filter';
import * as z from 'zod';
import { backends } from '../language/backends.js';
import { targets } from '../language/targets.js';

const tableOf = <Entry extends z.ZodType>(entry: Entry) => z.record(z.string(), entry);

const names = z.strictObject({
  hosts: tableOf(z.array(z.string())).optional(),
  networks: tableOf(z.string()).optional(),
  ethers: tableOf(z.string()).optional(),
  services: tableOf(
    z.strictObject({ port: z.int().min(0).max(65_535), protocols: z.array(z.enum(['tcp', 'udp', 'sctp'])).min(1) }),
  ).optional(),
  protocols: tableOf(z.int().min(0).max(255)).optional(),
  sets: tableOf(z.array(z.string())).optional(),
});

/** How an expression is to be read; the same fields for every batch. */
const language = {
  id: z.unknown(),
  linktype: z.string().default('EN10MB'),
  snaplen: z.int().min(1).max(0xffff_ffff).default(262_144),
  optimize: z.boolean().default(true),
  netmask: z.string().nullable().default(null),
  live: z.boolean().default(false),
  names: names.default({}),
  extensions: z
    .strictObject({
      scopedEncapsulation: z.boolean().optional(),
      vlanTransparent: z.boolean().optional(),
      ipv6ExtensionHeaders: z.int().min(0).max(16).optional(),
    })
    .default({}),
};

export const CompileRequest = z.strictObject({ ...language, expr: z.string(), target: z.enum(targets).optional() });
export type CompileRequest = z.infer<typeof CompileRequest>;

const instruction = z.tuple([z.int(), z.int(), z.int(), z.int()]);
const hex = z.string().regex(/^(?:[0-9A-Fa-f]{2})*$/, 'an even number of hexadecimal digits');

/** `len`: on the wire, where the packet was cut. */
const packet = z
  .strictObject({ data: hex, len: z.int().min(0).max(0xffff_ffff).optional() })
  .refine(({ data, len }) => len === undefined || len >= data.length / 2, 'len is less than the bytes in data');

export const MatchRequest = z
  .strictObject({
    ...language,
    expr: z.string().optional(),
    program: z.array(instruction).optional(),
    /** A capture file's path. */
    pcap: z.string().optional(),
    packets: z.array(packet).optional(),
    backend: z.enum(backends).default('js'),
  })
  .refine(({ packets, pcap }) => (packets === undefined) !== (pcap === undefined), 'give either packets or pcap');
export type MatchRequest = z.infer<typeof MatchRequest>;

/** @throws BpfleetError `REQUEST_INVALID` naming every field that is wrong */
export function readRequest<Schema extends z.ZodType>(schema: Schema, request: unknown): z.infer<Schema> {
  const read = schema.safeParse(request);
  if (read.success) return read.data;
  const faults = read.error.issues.map(({ path, message }) => `${path.join('.') || 'the line'}: ${message}`);
  throw new BpfleetError('REQUEST_INVALID', faults.join('; '));
}

/** For the compiler: what a request says about its expression. */
export function compileOptionsOf(request: Omit<CompileRequest, 'expr' | 'target'>, machine: NameTables) {
  const { linktype, snaplen, optimize, netmask, live, extensions } = request;
  return {
    linkType: linktype,
    snaplenBytes: snaplen,
    optimize,
    netmask,
    live,
    names: merged(machine, request.names as NameTables),
    extensions: Object.fromEntries(Object.entries(extensions).filter(([, value]) => value !== undefined)),
  };
}

/** The request's own names win over the machine's; mostly there are none, and the machine's tables serve as they are. */
function merged(machine: NameTables, own: NameTables): NameTables {
  if (Object.keys(own).length === 0) return machine;
  return {
    ...own,
    services: { ...machine.services, ...own.services },
    protocols: { ...machine.protocols, ...own.protocols },
  };
}
