import { checkProgram, formatProgram, type Program } from '@bpfleet/bpf';
import { type Finding, lintProgram } from '../lint/lint-program.js';
import { type Cost, costOf } from './explain-expression.js';

/** What a raw program does and costs, and what is wrong with it. Plain data. */
export interface ProgramExplanation {
  readonly listing: string;
  readonly cost: Cost;
  /** Of the kernel's checker; undefined: the kernel takes the program. */
  readonly refusal?: string;
  readonly findings: readonly Finding[];
}

/** Explains a classic program for Ethernet frames. */
export function explainProgram(program: Program): ProgramExplanation {
  const fault = checkProgram(program);
  return {
    listing: formatProgram(program, 'd'),
    cost: costOf(program),
    ...(fault && { refusal: `${fault.rule} at instruction ${fault.instruction}: ${fault.message}` }),
    // A program that leaves itself cannot be followed.
    findings: fault === undefined ? lintProgram(program) : [],
  };
}

/** For a terminal. */
export function renderProgramExplanation({ listing, cost, refusal, findings }: ProgramExplanation): string {
  const lines = [
    listing,
    '',
    `cost: ${cost.instructions} instructions, ${cost.converted} once converted by the kernel`,
  ];
  if (refusal !== undefined) lines.push('', `the kernel refuses it: ${refusal}`);
  if (findings.length > 0) lines.push('', 'mind:');
  for (const { id, instruction, message, hint } of findings) {
    lines.push(`  (${String(instruction).padStart(3, '0')}) ${message} [${id}]`);
    if (hint !== undefined) lines.push(`        probably meant: ${hint}`);
  }
  return lines.join('\n');
}
