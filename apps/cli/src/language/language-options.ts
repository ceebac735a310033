import type { CompileOptions } from '@bpfleet/pcap-filter';
import { type Command, InvalidArgumentError } from 'commander';
import { machineNames } from './machine-names.js';

/** What the options of `compile`, `match` and `explain` say about an expression. */
export interface LanguageOptions {
  readonly linktype: string;
  readonly snaplen: number;
  readonly optimize: boolean;
  readonly live?: boolean;
  readonly netmask?: string;
  readonly scoped?: boolean;
  readonly vlanTransparent?: boolean;
  readonly ipv6Headers?: number;
}

/** Adds the options that say how an expression is to be read. */
export function withLanguage(command: Command): Command {
  return command
    .option('-y, --linktype <name>', 'link type', 'EN10MB')
    .option('-s, --snaplen <bytes>', 'what the program returns on a match', snaplen, 262_144)
    .option('-O, --no-optimize', 'keep the plain form')
    .option('--live', 'for packets as the kernel delivers them: the outer VLAN tag and the direction beside the bytes')
    .option('--netmask <mask>', "the interface's IPv4 mask, for “ip broadcast”")
    .option('--scoped', 'what vlan, mpls, pppoes or geneve shift ends with their parentheses')
    .option('--vlan-transparent', 'match inside VLAN tags without saying vlan')
    .option('--ipv6-headers <count>', 'look behind up to so many IPv6 extension headers', headers);
}

export async function compileOptions(options: LanguageOptions): Promise<CompileOptions> {
  const { linktype, snaplen, optimize, live = false, netmask = null, scoped, vlanTransparent, ipv6Headers } = options;
  return {
    linkType: linktype,
    snaplenBytes: snaplen,
    optimize,
    live,
    netmask,
    names: await machineNames(),
    extensions: {
      ...(scoped && { scopedEncapsulation: true }),
      ...(vlanTransparent && { vlanTransparent: true }),
      ...(ipv6Headers !== undefined && { ipv6ExtensionHeaders: ipv6Headers }),
    },
  };
}

function snaplen(text: string): number {
  const bytes = Number(text);
  if (!/^\d+$/.test(text) || bytes < 1 || bytes > 0xffff_ffff) {
    throw new InvalidArgumentError('it is a number of bytes, at least 1.');
  }
  return bytes;
}

function headers(text: string): number {
  if (!/^\d{1,2}$/.test(text) || Number(text) > 16) throw new InvalidArgumentError('it is a number from 0 to 16.');
  return Number(text);
}
