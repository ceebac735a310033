import { assemble, type Program } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { compile } from '../compile.js';
import { findingIds } from './finding.js';
import { lintProgram } from './lint-program.js';

const article = `
  ldh [12]
  jeq #0x800, next, no
  next: ldb [23]
  jeq #6, port, no
  port: ldh [20]
  jeq #80, yes, no
  yes: ret #-1
  no: ret #0`;

const idsOf = (text: string) => lintProgram(assemble(text)).map(({ id }) => id);

describe('lintProgram', () => {
  it('tells the article’s “TCP port 80” what it really asks', () => {
    expect(assemble(article)).toHaveLength(8);
    const [finding, ...more] = lintProgram(assemble(article));
    expect(more).toEqual([]);
    expect(finding).toEqual({
      id: 'WRONG_FIELD',
      instruction: 5,
      message:
        'offset 20 of an Ethernet/IPv4 frame is the flags and fragment offset field; the TCP destination port is at 36 when the IP header has no options; also unguarded by fragment and header-length checks',
      hint: 'tcp dst port 80',
    });
  });

  it.each([
    ['WRONG_FIELD', article.replace('[20]', '[26]')],
    ['UNGUARDED_HEADER_LENGTH', article.replace('[20]', '[36]')],
    ['UNGUARDED_FRAGMENT', article.replace('ldh [20]', 'ldxb 4*([14]&0xf)\nldh [x + 16]')],
    ['MISSING_ETHERTYPE', 'ldb [23]\njeq #6, y, n\ny: ret #-1\nn: ret #0'],
    ['JUMP_LANDS', 'ldh [12]\njeq #0x800, n, y\ny: ret #-1\nn: ret #0'],
    ['JUMP_LANDS', article.replace('jeq #0x800, next, no', 'jeq #0x800, next, yes')],
    ['JUMP_LANDS', article.replace('jeq #6, port, no', 'jeq #6, port, yes')],
    ['JUMP_LANDS', article.replace('jeq #0x800, next, no', 'jeq #0x800 jt 2 jf 9')],
    ['ALWAYS_SAME_WAY', 'ldh [12]\njeq #0x800, y, y\ny: ret #-1'],
    ['DEAD_CODE', 'ret #-1\nld [0]\nret #0'],
    ['NEVER_TRUE', 'ldb [12]\njeq #0x800, y, n\ny: ret #-1\nn: ret #0'],
    ['NEVER_TRUE', 'ldb [0]\njgt #0xff, y, n\ny: ret #-1\nn: ret #0'],
    ['NEVER_TRUE', 'ldb [0]\njset #0x100, y, n\ny: ret #-1\nn: ret #0'],
    ['ALWAYS_SAME_WAY', 'ldb [0]\njge #0, y, n\ny: ret #-1\nn: ret #0'],
    ['DECIDED_BEFORE', 'ldh [12]\njeq #0x800, m, n\nm: ldh [12]\njeq #0x806, y, n\ny: ret #-1\nn: ret #0'],
    ['DECIDED_BEFORE', 'ldh [12]\njeq #0x800, m, n\nm: jge #0x600, y, n\ny: ret #-1\nn: ret #0'],
    ['SNAPLEN_SMALL', 'ret #20'],
  ] as const)('finds %s', (id, text) => {
    expect(idsOf(text)).toContain(id);
  });

  it('says where a jump lands that accepts what is not asked about', () => {
    const [finding, ...more] = lintProgram(assemble(article.replace('jeq #0x800, next, no', 'jeq #0x800 jt 2 jf 6')));
    expect(finding).toMatchObject({ id: 'JUMP_LANDS', instruction: 1 });
    expect(finding?.message).toMatch(/does not hold the packet is accepted.* jf on 6, “ret #-1”/);
    expect(more.map(({ id }) => id)).toEqual(['WRONG_FIELD']);
  });

  it('says what it can of a program that leads out of itself', () => {
    const findings = lintProgram(assemble(article.replace('jeq #0x800, next, no', 'jeq #0x800 jt 2 jf 9')));
    expect(findings.map(({ id, instruction }) => [id, instruction])).toEqual([
      ['JUMP_LANDS', 1],
      ['WRONG_FIELD', 5],
    ]);
    expect(findings[0]?.message).toBe('jf lands on 9, but the last instruction is 7');
    expect(idsOf('ja 4000000000\nret #0')).toEqual(['JUMP_LANDS', 'DEAD_CODE']);
  });

  it('takes “not” and alternatives for what they are', () => {
    for (const expression of [
      'not ip',
      'not tcp port 80',
      'tcp port 80 or arp',
      'not arp and not ip6',
      'ip6 or not udp',
    ]) {
      const accepted = lintProgram(compile(expression).program).filter(({ message }) =>
        message.includes('is accepted'),
      );
      expect([expression, accepted]).toEqual([expression, []]);
    }
  });

  it('has a case for each finding, and none for what the compiler makes', () => {
    expect(findingIds).toHaveLength(10);
    const programs: Program[] = ['tcp dst port 80', 'ip', 'host 10.0.0.1 and not port 22', 'vlan 5 and udp'].map(
      (expression) => compile(expression).program,
    );
    expect(programs.map((program) => lintProgram(program).filter(({ id }) => id !== 'JUMP_LANDS'))).toEqual(
      programs.map(() => []),
    );
  });
});
