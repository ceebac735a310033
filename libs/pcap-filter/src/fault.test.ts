import { BpfleetError } from '@bpfleet/errors';
import { describe, expect, it } from 'vitest';
import { compile } from './compile.js';
import { renderFault } from './fault.js';

function rendered(expression: string): string[] {
  try {
    compile(expression);
  } catch (error) {
    return renderFault(expression, error).split('\n');
  }
  throw new Error('compiled');
}

describe('renderFault', () => {
  it('puts carets under the fault, with the message and what to try', () => {
    expect(rendered('tcp port foo or 80')).toEqual([
      'tcp port foo or 80',
      '         ^^^ unknown port “foo”',
      'try: write the port’s number, or give the name in a services table',
    ]);
  });
  it('puts one caret behind an expression that ends too early', () => {
    expect(rendered('tcp port 80 and host').slice(0, 2)).toEqual([
      'tcp port 80 and host',
      '                    ^ expected a value after “host”, but the expression ends',
    ]);
  });
  it('keeps columns through tabs, line breaks and control characters', () => {
    expect(rendered('tcp\tor\nvpi\u0000').slice(0, 1)).toEqual(['tcp or vpi ']);
    expect(rendered('tcp\tor\nvpi').slice(1, 2)).toEqual(['       ^^^ “vpi” is for raw ATM (SUNATM) only']);
  });
  it('shows only the part of a long expression around the fault', () => {
    const [shown, carets] = rendered(`${'host 10.0.0.1 or '.repeat(100)}vpi${' or tcp'.repeat(100)}`);
    expect(shown).toMatch(/^… .* or vpi or tcp.* …$/);
    expect(shown?.length).toBeLessThan(120);
    expect(shown?.slice(carets?.indexOf('^'))).toMatch(/^vpi/);
  });
  it('shows only the beginning of a long fault', () => {
    const [shown, carets] = rendered(`host ${'a'.repeat(10_000)}`);
    expect(shown?.length).toBeLessThan(200);
    expect(carets?.indexOf('^')).toBe(5);
  });
  it('prints errors without a place as they are', () => {
    expect(renderFault('ip', new Error('boom'))).toBe('boom');
    expect(renderFault('ip', new BpfleetError('FILTER_UNSUPPORTED', 'no', { hint: 'this' }))).toBe('no\ntry: this');
  });
});
