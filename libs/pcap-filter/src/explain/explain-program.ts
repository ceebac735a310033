import { checkProgram, formatProgram, type Program } from '@bpfleet/bpf';
import { decompile } from '../decompile/decompile.js';
import type { Refusal } from '../decompile/refusal.js';
import type { Finding } from '../lint/finding.js';
import { lintProgram } from '../lint/lint-program.js';
import { type Cost, costOf } from './explain-expression.js';

/** What a raw program does and costs, and what is wrong with it. Plain data. */
export interface ProgramExplanation {
  readonly listing: string;
  readonly cost: Cost;
  /** Of the kernel's checker; undefined: the kernel takes the program. */
  readonly refusal?: string;
  /** What accepts the same packets; undefined where the language cannot say it. */
  readonly expression?: string;
  /** Whether the expression is meant for packets as the kernel delivers them. */
  readonly live?: boolean;
  /** What of the program the language cannot say. */
  readonly unsaid?: Refusal;
  readonly findings: readonly Finding[];
}

/**
 * Explains a classic program for packets of a link type, Ethernet unless told. Mistakes are looked for in Ethernet's alone.
 * @throws BpfleetError `FILTER_UNSUPPORTED` for an unknown link type
 */
export function explainProgram(
  program: Program,
  { linkType = 'EN10MB' }: { linkType?: string } = {},
): ProgramExplanation {
  const fault = checkProgram(program);
  const said = fault === undefined ? decompile(program, { linkType }) : undefined;
  const isEthernet = linkType.toUpperCase() === 'EN10MB';
  return {
    listing: formatProgram(program, 'd'),
    cost: costOf(program),
    ...(fault && { refusal: `${fault.rule} at instruction ${fault.instruction}: ${fault.message}` }),
    ...(said !== undefined && ('refusal' in said ? { unsaid: said.refusal } : said)),
    findings: isEthernet ? lintProgram(program) : [],
  };
}

/** For a terminal. */
export function renderProgramExplanation(explanation: ProgramExplanation): string {
  const { listing, cost, refusal, findings } = explanation;
  const lines = [
    listing,
    '',
    ...expressionLines(explanation),
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

function expressionLines({ expression, live, unsaid }: ProgramExplanation): string[] {
  if (unsaid !== undefined) {
    const { instruction, reason, id } = unsaid;
    return [`expression: none; ${instruction === undefined ? '' : `instruction ${instruction} `}${reason} [${id}]`, ''];
  }
  if (expression === undefined) return [];
  return [
    `expression${live ? ' (live form)' : ''}: ${expression === '' ? 'the empty one, which every packet matches' : expression}`,
    '',
  ];
}
