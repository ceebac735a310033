import { isWireless, type LinkForm, linkForms } from '../link-types.js';
import type { Random } from '../random.js';
import * as address from './addresses.js';
import * as arithmetic from './arithmetic.js';
import { Coverage } from './coverage.js';
import * as words from './primitives.js';
import { type Production, primitives } from './primitives.js';
import { Writer } from './writer.js';

export interface RandomExpression {
  readonly text: string;
  readonly form: LinkForm;
  /** Names of the productions it is made of. */
  readonly productions: ReadonlySet<string>;
}

/** A coverage with every production declared, so that the ones never reached are seen. */
export function newCoverage(): Coverage {
  const coverage = new Coverage();
  const group = (name: string, variants: readonly string[]) =>
    coverage.declare(variants.map((one) => `${name} ${one}`));
  coverage.declare(primitives.map(({ name }) => name));
  coverage.declare(linkForms.map(({ name }) => `link ${name}`));
  coverage.declare(['2.1 empty', '2.2 nested', '2.3 list', '2.3 list in parentheses', '2.4 value in parentheses']);
  coverage.declare([
    '1.2 hexadecimal',
    '1.2 octal',
    '46 negation',
    '47 len',
    '48 computed index',
    '31 type and subtype',
  ]);
  group('direction', address.directions);
  group('2.2', ['and', 'or', '&&', '||', 'not', '!']);
  group('17', words.transports);
  group('23', words.etherNames);
  group('24', [...words.carried, ...words.rarelyCarried]);
  group('26 llc', words.llcFrames);
  group('30', address.wlanAddresses);
  group('31 type', words.wlanTypes);
  group('31 subtype', Object.values(words.wlanSubtypes).flat());
  group('32', words.wlanDirections);
  group('39', ['clnp', 'esis', 'isis']);
  group('40', words.isisFrames);
  group('45 relation', arithmetic.relations);
  group('46 operator', arithmetic.operators);
  group('48 accessor', [...arithmetic.accessors, 'radio']);
  group('48 size', ['', ':1', ':2', ':4']);
  return coverage;
}

/** A random expression for a random link type; most are valid there and can match. */
export function randomExpression(
  random: Random,
  coverage: Coverage,
  among: readonly LinkForm[] = linkForms,
): RandomExpression {
  const form = coverage.choose(random, among, ({ name }) => `link ${name}`, formWeight);
  const w = new Writer(random, form, coverage);
  w.used.add(`link ${form.name}`);
  const text = random.below(40) === 0 ? w.note('2.1 empty', '') : expression(w, 2);
  return { text, form, productions: w.used };
}

/** Ethernet and 802.11 have the most words of their own, and captures differ from files on Ethernet most. */
function formWeight(form: LinkForm): number {
  const { linkType, live } = form;
  if (linkType === 'EN10MB') return 3;
  return (isWireless(form) ? 3 : 1) * (live ? 0.5 : 1);
}

function expression(w: Writer, depth: number): string {
  const terms = w.of([1, 2, 2, 3, 3, 4, 5]);
  let text = term(w, depth);
  for (let index = 1; index < terms; index++) {
    text += ` ${w.variant('2.2', w.chance(65) ? ['or', '||'] : ['and', '&&'])} ${term(w, depth)}`;
  }
  return text;
}

function term(w: Writer, depth: number): string {
  if (depth > 0 && w.chance(10)) {
    const not = w.variant('2.2', ['not', '!']);
    return `${not}${not === '!' && w.chance(50) ? '' : ' '}${term(w, depth - 1)}`;
  }
  if (depth > 0 && w.chance(14)) return w.note('2.2 nested', `(${expression(w, depth - 1)})`);
  // Terms of one kind side by side are what a compiler joins into lists.
  const production = w.previous !== undefined && w.chance(15) ? w.previous : chooseProduction(w);
  w.previous = production;
  return w.note(production.name, production.write(w));
}

function chooseProduction(w: Writer): Production {
  // One in fifty is written where it may not stand: both compilers must refuse it.
  const isAnywhere = w.random.below(50) === 0;
  const usable = primitives.filter(({ on }) => isAnywhere || on === undefined || on(w.form));
  return w.coverage.choose(
    w.random,
    usable,
    ({ name }) => name,
    ({ weight = 1 }) => weight,
  );
}
