import { checkProgram, convertedLength, formatProgram, interpret, MAX_INSTRUCTIONS } from '@bpfleet/bpf';
import { BpfleetError, errorCodes } from '@bpfleet/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CompileOptions, compile, supportedLinkTypes } from './compile.js';
import { keywords } from './lex/keywords.js';
import { printStages } from './print/print-stages.js';

const listing = (expression: string, options?: CompileOptions) =>
  formatProgram(compile(expression, options).program, 'd').split('\n');
const codeOf = (expression: string, options?: CompileOptions) => {
  try {
    compile(expression, options);
    return 'compiled';
  } catch (error) {
    if (error instanceof BpfleetError) return error.code;
    throw error;
  }
};

describe('compile', () => {
  it('tests each field of “tcp port 80” once', () => {
    expect(listing('tcp port 80')).toEqual([
      '(000) ldh      [12]',
      '(001) jeq      #0x86dd          jt 2\tjf 8',
      '(002) ldb      [20]',
      '(003) jeq      #0x6             jt 4\tjf 19',
      '(004) ldh      [54]',
      '(005) jeq      #0x50            jt 18\tjf 6',
      '(006) ldh      [56]',
      '(007) jeq      #0x50            jt 18\tjf 19',
      '(008) jeq      #0x800           jt 9\tjf 19',
      '(009) ldb      [23]',
      '(010) jeq      #0x6             jt 11\tjf 19',
      '(011) ldh      [20]',
      '(012) jset     #0x1fff          jt 19\tjf 13',
      '(013) ldxb     4*([14]&0xf)',
      '(014) ldh      [x + 14]',
      '(015) jeq      #0x50            jt 18\tjf 16',
      '(016) ldh      [x + 16]',
      '(017) jeq      #0x50            jt 18\tjf 19',
      '(018) ret      #262144',
      '(019) ret      #0',
    ]);
  });
  it('tests everything in the order of the text when not optimising', () => {
    expect(listing('ip6 or ip', { optimize: false })).toEqual([
      '(000) ldh      [12]',
      '(001) jeq      #0x86dd          jt 4\tjf 2',
      '(002) ldh      [12]',
      '(003) jeq      #0x800           jt 4\tjf 5',
      '(004) ret      #262144',
      '(005) ret      #0',
    ]);
  });
  it('takes every packet for an empty expression', () => {
    expect(listing('', { snaplenBytes: 96 })).toEqual(['(000) ret      #96']);
  });
  it.each([
    ['host', 10, 41],
    ['port', 10, 51],
    ['ip src host', 100, 105],
    ['tcp dst port', 100, 115],
  ])('needs no more instructions for a list of %s than libpcap 1.10.3', (head, count, theirs) => {
    const values = Array.from({ length: count }, (_, index) => (head.endsWith('port') ? index : `10.0.0.${index}`));
    expect(compile(`${head} ${values.join(' or ')}`).program.length).toBeLessThanOrEqual(theirs);
  });
  it('reaches over more than 255 instructions', () => {
    const hosts = Array.from({ length: 1000 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
    const { program } = compile(`src host ${hosts.join(' or ')} and tcp`);
    expect(checkProgram(program)).toBeUndefined();
    const verdict = (last: number) => {
      const bytes = new Uint8Array(60);
      bytes.set([8, 0, 0x45], 12);
      bytes[23] = 6;
      bytes.set([10, 1, last >> 8, last & 255], 26);
      return interpret(program, { bytes, start: 0, capturedLength: 60, wireLength: 60 });
    };
    expect([0, 500, 999, 1000].map(verdict)).toEqual([262_144, 262_144, 262_144, 0]);
  });
  it('resolves names from the tables it is given', () => {
    const names = { hosts: { db1: ['10.0.0.1'] }, services: { ours: { port: 4711, protocols: ['tcp' as const] } } };
    expect(listing('src host DB1', { names })).toEqual(listing('src host 10.0.0.1'));
    expect(listing('port ours', { names })).toEqual(listing('tcp port 4711'));
  });

  it.each([
    ['ip and ip6'],
    ['tcp and udp and port 53'],
    ['ip and not ip'],
    ['ip proto 300'],
    ['tcp port 80 or 443 and udp'],
    ['portrange 1-2 and src and dst port 3'],
  ])('refuses “%s”, which never matches, unless it need not optimise', (expression) => {
    expect(codeOf(expression)).toBe('NEVER_MATCHES');
    const { program } = compile(expression, { optimize: false });
    expect(checkProgram(program)).toBeUndefined();
  });
  it('refuses what the kernel would not take', () => {
    const hosts = Array.from({ length: 3000 }, (_, index) => `10.${index >> 8}.${index & 255}.1`);
    expect(codeOf(`host ${hosts.join(' or ')}`)).toBe('FILTER_TOO_LARGE');
    expect(compile(`ip host ${hosts.slice(0, 1900).join(' or ')}`).program.length).toBeLessThanOrEqual(
      MAX_INSTRUCTIONS,
    );
  });
  it('compiles for every link type it names, in any case, and for no other', () => {
    for (const linkType of supportedLinkTypes) expect(compile('len > 5', { linkType }).program).toHaveLength(4);
    expect(compile('ip', { linkType: 'linux_sll2' }).program).toHaveLength(4);
    expect(codeOf('ip', { linkType: 'SUNATM' })).toBe('FILTER_UNSUPPORTED');
    expect(codeOf('', { linkType: 'SUNATM' })).toBe('FILTER_UNSUPPORTED');
  });
  it.each([0, -1, 0.5, 2 ** 32, Number.NaN])('refuses a snaplen of %s', (snaplenBytes) => {
    expect(codeOf('ip', { snaplenBytes })).toBe('REQUEST_INVALID');
  });
  it('shows what every stage made of the expression', () => {
    const lines = printStages(compile('src net 10.0.0.0/8 or 11.0.0.0/8 and not arp')).split('\n');
    expect(lines.slice(0, lines.indexOf('program:') + 2)).toEqual([
      'tokens:',
      '  keyword:src keyword:net ipv4:10.0.0.0 operator:/ number:8 keyword:or ipv4:11.0.0.0 operator:/ number:8 keyword:and keyword:not keyword:arp end',
      '',
      'tree:',
      '  (',
      '    src net 10.0.0.0/8',
      '    or src net 11.0.0.0/8',
      '    and not',
      '      arp',
      '  )',
      '',
      'resolved:',
      '  (',
      '    src {0xa000000 & 0xff000000, 0xb000000 & 0xff000000} in ip, arp, rarp',
      '    and not',
      '      link protocol 0x806',
      '  )',
      '',
      'ir:',
      '  (',
      '    (',
      '      (',
      '        [12:2] == 0x800',
      '        and [26:4] in {0xa000000-0xbffffff}',
      '      )',
      '      or (',
      '        [12:2] == 0x806',
      '        and [28:4] in {0xa000000-0xbffffff}',
      '      )',
      '      or (',
      '        [12:2] == 0x8035',
      '        and [28:4] in {0xa000000-0xbffffff}',
      '      )',
      '    )',
      '    and not',
      '      [12:2] == 0x806',
      '  )',
      '',
      'optimised:',
      '  0: [12:2] == 0x800 ? 1 : 2',
      '  1: [26:4] in {0xa000000-0xbffffff} ? accept : reject',
      '  2: [12:2] == 0x806 ? reject : 3',
      '  3: [12:2] == 0x8035 ? 4 : reject',
      '  4: [28:4] in {0xa000000-0xbffffff} ? accept : reject',
      '',
      'program:',
      '  (000) ldh      [12]',
    ]);
  });
});

describe('compile, on any input', () => {
  const anyWord = fc.constantFrom(
    ...keywords.keys(),
    ...'( ) ( ) ! && || 80 443 10.0.0.1 10.0.0.0/8 ::1 fe80::/10 0:1:2:3:4:5 ssh 80-90 [ ] = & - $1'.split(' '),
  );
  const anySentence = fc.array(anyWord, { maxLength: 12 }).map((words) => words.join(' '));

  it.each<[string, fc.Arbitrary<string>]>([
    ['characters', fc.string({ maxLength: 40, unit: 'binary' })],
    [
      'long words',
      fc
        .tuple(anySentence, fc.constantFrom('1', 'a', '1-', '0', '1.', ':'), anySentence)
        .map(([a, b, c]) => `${a} ${b.repeat(999)} ${c}`),
    ],
    ['words', anySentence],
  ])('answers %s with a program or an error of its own, within the text', (_, anyText) => {
    fc.assert(
      fc.property(anyText, (expression) => {
        try {
          const { program } = compile(expression);
          const plain = compile(expression, { optimize: false }).program;
          expect([checkProgram(program), checkProgram(plain)]).toEqual([undefined, undefined]);
          expect(program.length).toBeLessThanOrEqual(plain.length);
          expect(convertedLength(program)).toBeLessThanOrEqual(convertedLength(plain));
        } catch (error) {
          if (!(error instanceof BpfleetError)) throw error;
          expect(errorCodes).toContain(error.code);
          expect(error.message.length + (error.hint?.length ?? 0)).toBeLessThan(500);
          const { start, end } = error.span ?? { start: -1, end: 0 };
          expect(0 <= start && start <= end && end <= expression.length).toBe(true);
        }
      }),
      { numRuns: 1500 },
    );
  });
});
