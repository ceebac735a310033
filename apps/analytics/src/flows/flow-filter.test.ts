import { BpfleetError } from '@bpfleet/errors';
import { describe, expect, it } from 'vitest';
import { flowFilter } from './flow-filter.js';

/** The term that a refusal points at. */
function refused(expression: string): string | undefined {
  try {
    flowFilter(expression);
  } catch (error) {
    if (!(error instanceof BpfleetError) || error.code !== 'FILTER_UNSUPPORTED') throw error;
    expect(error.hint).toContain('packets');
    return error.span && expression.slice(error.span.start, error.span.end);
  }
  return undefined;
}

describe('flowFilter', () => {
  it('reads hosts, nets, ports and protocols', () => {
    const port = { kind: 'any', of: [{ kind: 'port', end: 'destination', from: 80, to: 80 }] };
    expect(flowFilter('tcp dst port 80')).toEqual({
      condition: { kind: 'all', of: [{ kind: 'protocol', protocols: [6] }, port] },
      ofOthers: false,
    });
  });
  it('has nothing to say of the empty expression', () => {
    expect(flowFilter(' ')).toBeUndefined();
  });
  it('joins “and” and “or” from the left, as libpcap does', () => {
    const kinds = (expression: string) => {
      const condition = flowFilter(expression)!.condition;
      return condition.kind === 'all' || condition.kind === 'any' ? [condition.kind, condition.of.length] : [];
    };
    expect(kinds('ip or ip6 or icmp')).toEqual(['any', 3]);
    expect(kinds('udp or host 10.0.0.1 and port 53')).toEqual(['all', 2]);
    expect(kinds('udp and host 10.0.0.1 or port 53')).toEqual(['any', 2]);
  });
  it.each([
    ['ip', false],
    ['tcp port 80', false],
    ['ip host 10.0.0.1', false],
    ['not tcp', true],
    ['not ip and not ip6', true],
    ['arp', undefined],
    ['host 10.0.0.1', undefined],
    ['host 10.0.0.1 and tcp', false],
    ['not tcp or arp', true],
    ['arp or udp', undefined],
  ])('says of “%s” whether packets match that are not IP: %s', (expression, ofOthers) => {
    expect(flowFilter(expression)?.ofOthers).toBe(ofOthers);
  });
  it.each([
    ['tcp and less 100', 'less 100'],
    ['udp[0] = 53 or tcp', 'udp[0] = 53'],
    ['host 10.0.0.1 and vlan 5', 'vlan 5'],
    ['ether host 02:00:00:00:00:01', 'ether host 02:00:00:00:00:01'],
    ['tcp and ether multicast', 'ether multicast'],
  ])('refuses what a flow does not tell: “%s”', (expression, term) => {
    expect(refused(expression)).toContain(term.split(' ').at(-1));
  });
  it('leaves faults of the expression to the language', () => {
    expect(() => flowFilter('tcp and')).toThrow(expect.objectContaining({ code: 'FILTER_SYNTAX' }));
  });
});
