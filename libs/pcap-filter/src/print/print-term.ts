import type { Calculation, Qualifiers, Term } from '../parse/tree.js';

/** A term of the syntax tree, near to how it was written; what a list took over stands there in full. */
export function printTerm(term: Term): string {
  switch (term.kind) {
    case 'abbreviation':
      return term.protocol;
    case 'length':
      return `${term.limit} ${term.bytes}`;
    case 'primitive':
      return `${printQualifiers(term.qualifiers)} ${term.value.text}${printMask(term)}`;
    case 'cast':
      return [term.protocol, term.cast].filter(Boolean).join(' ');
    case 'packet-direction':
      return term.direction;
    case 'numbered':
      return [term.word, term.numbers.map(({ from, to }) => (from === to ? from : `${from}-${to}`)).join(',')]
        .join(' ')
        .trim();
    case 'llc':
      return ['llc', term.frame].filter(Boolean).join(' ');
    case 'wlan-frame':
      return [term.type && `type ${term.type.text}`, term.subtype && `subtype ${term.subtype.text}`]
        .filter(Boolean)
        .join(' ');
    case 'wlan-direction':
      return `dir ${term.direction.text}`;
    case 'relation':
      return `${printCalculation(term.left)} ${term.comparison} ${printCalculation(term.right)}`;
  }
}

function printQualifiers({ protocol, direction, type }: Qualifiers): string {
  return [protocol, direction, type].filter((word) => word !== undefined).join(' ');
}

function printMask({ value }: Extract<Term, { kind: 'primitive' }>): string {
  if (!('prefixLength' in value || 'mask' in value)) return '';
  return 'mask' in value && value.mask ? ` mask ${value.mask.text}` : `/${value.prefixLength}`;
}

/** With every parenthesis, so that the order of operations shows. */
function printCalculation(calculation: Calculation): string {
  switch (calculation.kind) {
    case 'number':
      return String(calculation.value);
    case 'length':
      return 'len';
    case 'negate':
      return `-${printCalculation(calculation.operand)}`;
    case 'accessor':
      return `${calculation.protocol}[${printCalculation(calculation.index)}:${calculation.size}]`;
    case 'binary':
      return `(${printCalculation(calculation.left)} ${calculation.operator} ${printCalculation(calculation.right)})`;
  }
}
