import { interpret } from '@bpfleet/bpf';
import { buildEthernet, buildIpv4, buildTcp, Protocol } from '@bpfleet/packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from '../compile.js';
import { termVerdicts } from './term-verdicts.js';

const addresses = { source: '10.0.0.1', destination: '10.0.0.2' };
const segment = buildTcp({ ...addresses, sourcePort: 40_000, destinationPort: 443, flags: 2, payload: 'hello' });
const frame = buildEthernet({ payload: buildIpv4({ ...addresses, protocol: Protocol.TCP, payload: segment }) });

const packetOf = (bytes: Uint8Array, capturedLength = bytes.length) => ({
  bytes,
  start: 0,
  capturedLength,
  wireLength: bytes.length,
});
/** Each term as it stands in the text, with its verdict: in parentheses where it was not asked. */
function shown(expression: string, packet = packetOf(frame)): string[] {
  return termVerdicts(expression, packet).terms.map(({ span, verdict, asked, endsHere }) => {
    const text = `${expression.slice(span.start, span.end)}: ${verdict}${endsHere ? ', end' : ''}`;
    return asked ? text : `(${text})`;
  });
}

describe('termVerdicts', () => {
  it.each([
    [
      'each term with its qualifiers',
      'tcp dst port 443 and host 10.0.0.9',
      ['tcp dst port 443: yes', 'host 10.0.0.9: no'],
    ],
    ['values of a list each for itself', 'port 80 or 443', ['port 80: no', '443: yes']],
    ['a term without the “not” in front of it', 'not udp and ip', ['udp: no', 'ip: yes']],
    ['what was decided before', 'udp and port 443', ['udp: no', '(port 443: yes)']],
    ['what is inside parentheses', 'tcp and (port 80 or len > 60)', ['tcp: yes', 'port 80: no', 'len > 60: no']],
    ['where reading behind the end stops', 'not ether[999] = 1 or ip', ['ether[999] = 1: no, end', '(ip: yes)']],
    ['that an empty expression has no terms', '', []],
  ])('shows %s', (_name, expression, terms) => {
    expect(shown(expression)).toEqual(terms);
  });

  it('does not know what was cut off', () => {
    const cut = packetOf(frame, 30);
    expect(shown('tcp and port 443', cut)).toEqual(['tcp: yes', 'port 443: undecided']);
    expect(shown('port 443 and udp', cut)).toEqual(['port 443: undecided', 'udp: no']);
    expect(termVerdicts('port 443 and udp', cut).verdict).toBe('no');
    expect(termVerdicts('port 443', cut).verdict).toBe('undecided');
  });

  it('shows lists of more terms than a program has room for one by one', () => {
    const hosts = Array.from({ length: 5400 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
    const { verdict, terms } = termVerdicts(`host ${hosts.join(' or ')} or 10.0.0.2`, packetOf(frame));
    expect([verdict, terms.length]).toEqual(['yes', 5401]);
    expect(terms.filter((term) => term.verdict === 'yes')).toEqual([terms.at(-1)]);
  });

  it('refuses what would take memory without end', () => {
    const ports = Array.from({ length: 6000 }, (_, index) => index % 10).join(' or ');
    expect(() => termVerdicts(`port ${ports}`, packetOf(frame))).toThrow(
      expect.objectContaining({ code: 'FILTER_TOO_LARGE' }),
    );
  });

  it('says in words what a term asks', () => {
    expect(termVerdicts('dst port 443', packetOf(frame)).terms[0]?.words).toMatch(/destination port 443/);
  });

  it('does not know what the kernel no longer tells', () => {
    const known = { ...packetOf(frame), metadata: { vlanTagPresent: true, vlanTci: 7 } };
    const live = { live: true } as const;
    expect(termVerdicts('vlan 7 and inbound', known, live)).toMatchObject({
      verdict: 'undecided',
      terms: [{ verdict: 'yes' }, { verdict: 'undecided' }],
    });
  });

  it('decides as the compiled program does, or leaves undecided', () => {
    const term = fc.constantFrom(
      ...['ip', 'tcp', 'udp', 'port 443', 'src port 40000', 'host 10.0.0.2', 'net 10.1.0.0/16', 'len > 50', 'arp'],
      ...['tcp[13] & 2 != 0', 'ether[70] = 1', 'ip[8] > tcp[0]', 'vlan', 'ip proto 6', 'ip6', '6 / ip[6] = 1'],
    );
    const { expression } = fc.letrec<{ expression: string }>((tie) => ({
      expression: fc.oneof(
        { depthSize: 'small' },
        term,
        tie('expression').map((inner) => `not (${inner})`),
        fc
          .tuple(tie('expression'), fc.constantFrom('and', 'or'), tie('expression'))
          .map(([left, operator, right]) => `(${left}) ${operator} (${right})`),
      ),
    }));
    fc.assert(
      fc.property(expression, fc.integer({ min: 0, max: frame.length }), (text, capturedLength) => {
        const packet = packetOf(frame, capturedLength);
        const { program } = compile(text, { optimize: false });
        const { verdict } = termVerdicts(text, packet);
        // Of the packet as it was: of one that is cut the machine may leave open what its terms decide.
        const expected = interpret(program, packetOf(frame)) === 0 ? 'no' : 'yes';
        if (capturedLength === frame.length) expect(verdict).toBe(expected);
        else expect(['undecided', expected]).toContain(verdict);
      }),
      { numRuns: 3000 },
    );
  });
});
