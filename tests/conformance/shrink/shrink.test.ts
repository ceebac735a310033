import { describe, expect, it } from 'vitest';
import type { Difference } from '../comparison.js';
import { linkFormNamed } from '../link-types.js';
import { whole } from '../packets/packets.js';
import { shrink, wordsOf } from './shrink.js';

const form = linkFormNamed('EN10MB');

describe('shrink', () => {
  it('keeps the words and bytes without which nothing differs', () => {
    const packet = whole(Uint8Array.from({ length: 200 }, (_, index) => index));
    const start: Difference = {
      expression: 'not (tcp or (udp and port 80)) or ip[6:2] & 3 = 1',
      form,
      packet,
      ours: '',
      theirs: '',
    };
    const { expression, packet: smallest } = shrink(start, (text, candidate) =>
      text.includes('udp') && candidate?.bytes[23] === 23
        ? { ...start, expression: text, packet: candidate }
        : undefined,
    );
    expect(expression).toBe('udp');
    expect([...(smallest?.bytes ?? [])]).toEqual([...Array(23).fill(0), 23]);
  });

  it('takes an accessor for one word', () => {
    expect(wordsOf('tcp[13:1]&tcp-syn!=0 and (ip[ip[0]]=1)')).toEqual([
      'tcp[13:1]',
      '&',
      'tcp-syn',
      '!=',
      '0',
      'and',
      '(',
      'ip',
      '[',
      'ip[0]',
      ']',
      '=',
      '1',
      ')',
    ]);
  });
});
