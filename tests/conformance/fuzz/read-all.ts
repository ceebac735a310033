import {
  type CompileOptions,
  compile,
  explainExpression,
  explainProgram,
  lintProgram,
  printStages,
  renderExplanation,
  renderFault,
  renderProgramExplanation,
} from '@bpfleet/pcap-filter';
import type { Answer } from './answer.js';

/** Longer programs are explained in tests of their own: finding an expression for one takes its time. */
const EXPLAINED_INSTRUCTIONS = 20;

/** What everything that reads an expression, its program or its error says of it. */
export function readAll(text: string, options: CompileOptions, answer: Answer): readonly string[] {
  if ('error' in answer) return [renderFault(text, answer.error)];
  const { program } = answer;
  return [
    renderExplanation(explainExpression(text, options)),
    printStages(compile(text, options)),
    JSON.stringify(lintProgram(program)),
    ...(program.length <= EXPLAINED_INSTRUCTIONS ? [renderProgramExplanation(explainProgram(program))] : []),
  ];
}
