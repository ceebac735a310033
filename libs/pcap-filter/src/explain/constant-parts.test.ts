import { describe, expect, it } from 'vitest';
import { analyse, type CompileOptions } from '../compile.js';
import { constantParts } from './constant-parts.js';
import { partSpan, primitivesOf } from './part-span.js';

/** Of each constant part: what it says, and its text. */
function found(expression: string, options: CompileOptions = {}): string[] {
  const { tokens, tree, resolved, ir } = analyse(expression, { ...options, optimize: false }).stages;
  return constantParts(resolved!, ir).map(({ holds, part, isWhole }) => {
    const span = partSpan(part, tokens, primitivesOf(tree));
    const text = span && expression.slice(span.start, span.end);
    return `${isWhole ? 'all of it, ' : ''}${holds ? 'always' : 'never'}: ${text}`;
  });
}

describe('constantParts', () => {
  it.each<[string, string[]]>([
    ['ip or not ip', ['all of it, always: ip or not ip']],
    ['less 100 or greater 50', ['all of it, always: less 100 or greater 50']],
    ['greater 0', ['all of it, always: greater 0']],
    ['ether[0] >= 0', ['all of it, always: ether[0] >= 0']],
    ['not dst port 80 or not dst port 443', ['all of it, always: not dst port 80 or not dst port 443']],
    ['tcp and (not dst port 80 or not dst port 443)', ['always: not dst port 80 or not dst port 443']],
    ['udp and (len < 200 or len > 100)', ['always: len < 200 or len > 100']],
    ['tcp or ip[0] > 255', ['never: ip[0] > 255']],
    ['arp or (tcp and ip proto 17)', ['never: tcp and ip proto 17']],
    ['arp or not (ip and ip6)', ['never: ip and ip6']],
    ['tcp and udp and arp or icmp', ['never: tcp and udp and arp']],
    ['ip and arp', ['all of it, never: ip and arp']],
    ['vlan 5 and (ip or not ip)', ['always: ip or not ip']],
    ['tcp and !(port 80 and 80 and not port 80)', ['never: port 80 and 80 and not port 80']],
    ['arp or not ! port 80 or not port 80', ['all of it, always: arp or not ! port 80 or not port 80']],
    ['arp or not ip[0] > 255', ['never: ip[0] > 255']],
    ['arp or port 80 or (443 and not 443)', ['never: 443 and not 443']],
    ['(ip or not ip) and (arp and ip)', ['always: ip or not ip', 'never: arp and ip']],
  ])('finds in “%s” the smallest', (expression, expected) => {
    expect(found(expression)).toEqual(expected);
  });

  it.each([
    'ip',
    'tcp or udp',
    'ip or not ip6',
    'not port 80 or not port 443',
    'ip[8] > 5 or ip[8] < 10',
    'less 100 and greater 50',
    'host 10.0.0.1 or 10.0.0.2 and not arp',
    'vlan 5 and not vlan 6',
    // The packet decides where in it the tunnel's payload is asked.
    'geneve and (tcp or not tcp)',
  ])('finds none in “%s”', (expression) => {
    expect(found(expression)).toEqual([]);
  });

  it.each(['LINUX_SLL2', 'IEEE802_11', 'RAW'])('works on %s', (linkType) => {
    expect(found('icmp and (tcp or not tcp)', { linkType })).toEqual(
      linkType === 'IEEE802_11' ? [] : ['always: tcp or not tcp'],
    );
  });

  it('gives up on expressions that have no end of parts', () => {
    const nested = `${'(ip or '.repeat(400)}arp${') and tcp'.repeat(400)}`;
    const startMs = performance.now();
    found(nested);
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });
});
