import { createHash } from 'node:crypto';
import {
  type Bundle,
  type BundleProgram,
  bundleKind,
  canonicalJson,
  type NewFilterVersion,
  payloadOf,
} from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import type { FilterCompiler } from '../compile/filter-compiler.js';
import type { BuiltVersion, MakeVersion, VersionContent } from './filter-store.js';

/**
 * Compiles an expression for every link type that it makes sense on. That it can match nothing on one of them is no
 * fault; on all of them, it is.
 * @returns the version of any number
 * @throws BpfleetError what the compiler says, with the span
 */
export function buildVersion(filter: string, wanted: NewFilterVersion, compiler: FilterCompiler): MakeVersion {
  const { snaplenBytes, direction } = wanted;
  const expression = expressionFor(wanted);
  const programs: BundleProgram[] = [];
  let refused: BpfleetError | undefined;
  for (const linkType of compiler.linkTypes) {
    try {
      // Alone first: a fault has its place in the text that was sent.
      if (direction !== 'any') compiler.compileForAgents({ ...wanted, linkType });
      programs.push(compiler.compileForAgents({ expression, linkType, snaplenBytes }));
    } catch (error) {
      if (!(error instanceof BpfleetError) || error.code === 'FILTER_SYNTAX') throw error;
      refused ??= error;
    }
  }
  if (programs.length === 0) throw refused;
  return (version) => bundled({ ...wanted, filter, version, names: [], programs, compiler: compiler.name });
}

/** The programs test the direction by themselves, so that nobody behind them has to. */
const expressionFor = ({ expression, direction }: NewFilterVersion): string =>
  direction === 'any' ? expression : expression.trim() === '' ? direction : `${direction} and (${expression})`;

/** The bundle is the version: its digest, that of the bytes that agents get. */
function bundled(content: Bundle): BuiltVersion {
  const bundle = payloadOf(bundleKind, content);
  if (bundle.length > bundleKind.maxBytes) {
    throw new BpfleetError(
      'FILTER_TOO_LARGE',
      `compiled, filter ${content.filter} has ${bundle.length} bytes; agents take ${bundleKind.maxBytes}`,
      { hint: 'divide it into several filters' },
    );
  }
  const { names: _names, compiler: _compiler, ...version } = content;
  return {
    ...version,
    programs: content.programs.map(({ selfTest: _, ...program }) => program),
    digest: `sha256:${createHash('sha256').update(bundle).digest('hex')}`,
    bundle,
  };
}

/** Whether two versions select and keep the same packets: all but number and digest. */
export function isSameContent(a: VersionContent, b: VersionContent): boolean {
  const essence = ({ expression, interfaces, snaplenBytes, direction, sampling, budget, programs }: VersionContent) =>
    canonicalJson({ expression, interfaces, snaplenBytes, direction, sampling, budget, programs });
  return essence(a) === essence(b);
}
