import type { BundleProgram } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { type Compiled, type CompileInput, FilterCompiler } from '../compile/filter-compiler.js';

/**
 * Knows two link types. "!" cannot be read, "never …" matches nothing, "not on RAW …" nothing on RAW; any other text
 * becomes a program of its length.
 */
export class FakeCompiler extends FilterCompiler {
  override readonly linkTypes = ['EN10MB', 'RAW'];
  override readonly name = 'fake 1';

  override compile({ expression, linkType, snaplenBytes }: CompileInput): Compiled {
    const fault = expression.indexOf('!');
    if (fault >= 0) {
      const span = { start: fault, end: fault + 1 };
      throw new BpfleetError('FILTER_SYNTAX', 'there is no "!" here', { span, hint: 'write not' });
    }
    if (expression.startsWith('never') || (linkType === 'RAW' && expression.startsWith('not on RAW'))) {
      throw new BpfleetError('NEVER_MATCHES', `nothing on ${linkType} matches`, { span: { start: 0, end: 5 } });
    }
    return {
      instructions: [
        [0x28, 0, 0, expression.length],
        [0x06, 0, 0, snaplenBytes],
      ],
      listing: `(000) ldh [${expression.length}]\n`,
    };
  }

  override compileForAgents(input: Pick<CompileInput, 'expression' | 'linkType' | 'snaplenBytes'>): BundleProgram {
    const { instructions } = this.compile({ ...input, live: true, optimize: true });
    const packet = { bytes: 'AAAA', wireLength: 3, verdict: input.snaplenBytes, needsMetadata: false };
    return { linkType: input.linkType, form: 'live', target: 'cbpf', instructions, selfTest: [packet] };
  }
}
