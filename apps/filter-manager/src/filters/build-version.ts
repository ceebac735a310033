import { createHash } from 'node:crypto';
import type { FilterProgram, NewFilterVersion } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { canonicalJson } from '../canonical-json.js';
import type { FilterCompiler } from '../compile/filter-compiler.js';
import type { MakeVersion, VersionContent } from './filter-store.js';

/**
 * Compiles an expression for every link type that it makes sense on. That it can match nothing on one of them is no
 * fault; on all of them, it is.
 * @returns the version of any number
 * @throws BpfleetError what the compiler says, with the span
 */
export function buildVersion(filter: string, wanted: NewFilterVersion, compiler: FilterCompiler): MakeVersion {
  const programs: FilterProgram[] = [];
  let refused: BpfleetError | undefined;
  for (const linkType of compiler.linkTypes) {
    try {
      const { instructions } = compiler.compile({ ...wanted, linkType, live: true, optimize: true });
      programs.push({ linkType, form: 'live', target: 'cbpf', instructions });
    } catch (error) {
      if (!(error instanceof BpfleetError) || error.code === 'FILTER_SYNTAX') throw error;
      refused ??= error;
    }
  }
  if (programs.length === 0) throw refused;
  const { expression, interfaces, snaplenBytes } = wanted;
  return (version) => withDigest({ filter, version, expression, interfaces, snaplenBytes, programs });
}

/** The digest names the content: sha256 over the canonical JSON of all of it, the number included. */
const withDigest = (content: Omit<VersionContent, 'digest'>): VersionContent => ({
  ...content,
  digest: `sha256:${createHash('sha256').update(canonicalJson(content)).digest('hex')}`,
});

/** Whether two versions select and keep the same packets: all but number and digest. */
export function isSameContent(a: VersionContent, b: VersionContent): boolean {
  const essence = ({ expression, interfaces, snaplenBytes, programs }: VersionContent) =>
    canonicalJson({ expression, interfaces, snaplenBytes, programs });
  return essence(a) === essence(b);
}
