import { assemble } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { compile } from '../compile.js';
import { explainProgram, renderProgramExplanation } from './explain-program.js';

const expressionLine = (...args: Parameters<typeof explainProgram>) =>
  renderProgramExplanation(explainProgram(...args))
    .split('\n')
    .find((line) => line.startsWith('expression'));

describe('explainProgram', () => {
  it('says the program as an expression', () => {
    expect(expressionLine(compile('udp port 53').program)).toBe('expression: udp port 53');
    expect(expressionLine(assemble('ret #-1'))).toBe('expression: the empty one, which every packet matches');
  });

  it('says it for the link type', () => {
    const { program } = compile('udp port 53', { linkType: 'RAW' });
    expect(expressionLine(program, { linkType: 'RAW' })).toBe('expression: udp port 53');
  });

  it('says which form it is for', () => {
    const { program } = compile('ifindex 3', { live: true });
    expect(expressionLine(program)).toBe('expression (live form): ifindex 3');
  });

  it('names the instruction that no word says', () => {
    expect(expressionLine(assemble('ldb [0]\nld rxhash\nret a'))).toMatch(
      /^expression: none; instruction 1 loads the kernel’s metadata at SKF_AD_OFF \+ 32; .* \[METADATA\]$/,
    );
  });

  it('says nothing of a program that the kernel refuses', () => {
    const { refusal, expression } = explainProgram([]);
    expect(refusal).toContain('at instruction');
    expect(expression).toBeUndefined();
  });
});
