import { BpfleetError } from '@bpfleet/errors';
import { z } from 'zod';
import { FilterName, InterfacePatterns, SnaplenBytes } from '../naming.js';
import { EbpfFilterProgram, FilterProgram } from '../program.js';
import { documentKind, parsePayload } from './document.js';
import { type DsseSignature, refuseLong, type Verification, verifyPayload } from './envelope.js';
import { digestOf } from './keys.js';

const Base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, 'base64');
const Count = z.int().nonnegative();

/** A packet that the opener tries before it attaches the program, and what must come out. */
export const BundleTestPacket = z.strictObject({
  /** The whole packet, base64. */
  bytes: Base64.max(16_384),
  wireLength: z.int().nonnegative().max(262_144),
  /** What the program returns: 0, or how many bytes it keeps. */
  verdict: z.int().nonnegative().max(0xffffffff),
  /** It cannot be tried on a socket that carries bytes alone. */
  needsMetadata: z.boolean(),
  /** What stands beside the bytes, when the program asks for it. */
  metadata: z
    .strictObject({
      protocol: Count,
      packetType: Count,
      interfaceIndex: Count,
      vlanTagPresent: z.boolean(),
      vlanTci: Count,
      vlanProtocol: Count,
      networkOffset: Count.optional(),
    })
    .optional(),
});
export type BundleTestPacket = z.infer<typeof BundleTestPacket>;

const selfTest = z.array(BundleTestPacket).max(128);

/** A program for one link type with the packets that try it. `form` is `live`: what the kernel runs. */
export const BundleProgram = z.discriminatedUnion('target', [
  z.strictObject({ ...FilterProgram.shape, selfTest }),
  z.strictObject({ ...EbpfFilterProgram.shape, selfTest }),
]);
export type BundleProgram = z.infer<typeof BundleProgram>;

/** What a name of the expression stood for when the version was made. */
export const ResolvedName = z.strictObject({
  kind: z.enum(['host', 'network', 'ether', 'service', 'protocol', 'set']),
  name: z.string().min(1).max(253),
  values: z.array(z.string().max(64)).max(200_000),
});
export type ResolvedName = z.infer<typeof ResolvedName>;

export const Direction = z
  .enum(['any', 'inbound', 'outbound'])
  .describe('only packets that the host receives, or sends; the programs test it themselves');
export type Direction = z.infer<typeof Direction>;

/** 1 of N packets that match is kept; 1: all. */
export const Sampling = z.int().min(1).max(1_000_000);

/** What a filter may take on one host; 0: no limit. */
export const FilterBudget = z.strictObject({
  packetsPerSecond: z.int().nonnegative().max(1e9),
  bytesPerSecond: z.int().nonnegative().max(1e12),
});
export type FilterBudget = z.infer<typeof FilterBudget>;

/**
 * What a filter version *is*: made once, never changed, without an end. Strict: an agent refuses one with members that it
 * does not know, for they may narrow what is captured.
 */
export const Bundle = z.strictObject({
  filter: FilterName,
  version: z.int().positive(),
  expression: z.string().max(65_536),
  names: z.array(ResolvedName).max(1024),
  /** Where it runs unless the desired state says otherwise. */
  interfaces: InterfacePatterns,
  direction: Direction,
  programs: z
    .array(BundleProgram)
    .min(1)
    .max(64)
    .refine(
      (programs) => new Set(programs.map(({ linkType, form }) => `${linkType} ${form}`)).size === programs.length,
      'two programs for one link type',
    ),
  snaplenBytes: SnaplenBytes,
  sampling: Sampling,
  budget: FilterBudget,
  /** `pcap-filter 0.1.0` */
  compiler: z.string().min(1).max(64),
});
export type Bundle = z.infer<typeof Bundle>;

export const bundleKind = documentKind({
  payloadType: 'application/vnd.bpfleet.bundle+json',
  schema: Bundle,
  maxBytes: 4 * 1024 * 1024,
});

/** All that one desired state names, together: an agent has them in memory. What goes beyond does not run there. */
export const MAX_BUNDLES_BYTES = 32 * 1024 * 1024;

const Named = z.object({ filter: z.string().max(63), version: z.int().positive() });
const UNNAMED = { filter: 'unknown', version: 1 };

/** What a bundle says of itself, whether it is readable or not: for people, and believed by nobody. */
export function bundleName(payload: Uint8Array): z.infer<typeof Named> {
  try {
    const { filter, version } = z
      .object({ filter: Named.shape.filter.catch(UNNAMED.filter), version: Named.shape.version.catch(UNNAMED.version) })
      .parse(JSON.parse(new TextDecoder().decode(payload)));
    return { filter, version };
  } catch {
    // No object, or no JSON at all.
    return UNNAMED;
  }
}

/**
 * Reads a bundle that a desired state names. The digest is that of the bytes as they came, whoever wrote them.
 * @param read what the bytes of this digest were read as before, if they were: they are verified again, and not parsed again
 * @throws BpfleetError `BUNDLE_INVALID` for other bytes than named, or unreadable ones; `SIGNATURE_INVALID`
 */
export function openBundle(
  payload: Uint8Array,
  named: { readonly digest: string; readonly signatures: readonly DsseSignature[] },
  verification: Verification,
  read?: Bundle,
): Bundle {
  refuseLong(bundleKind.payloadType, payload, bundleKind.maxBytes);
  const digest = digestOf(payload, verification.crypto);
  if (digest !== named.digest) {
    throw new BpfleetError('BUNDLE_INVALID', `this is bundle ${digest}, not ${named.digest}`);
  }
  verifyPayload(bundleKind.payloadType, payload, named.signatures, verification);
  return read ?? parsePayload(bundleKind, payload, 'BUNDLE_INVALID');
}
