import { fromTuples, interpret } from '@bpfleet/bpf';
import { expect, it } from 'vitest';
import { type Requirement, suiteRequires } from '../../../../tests/environment/src/requirements.js';
import { canCapture } from '../platform.js';
import { Libpcap } from './libpcap.js';

function installed(): Requirement<{ libpcap: Libpcap }> {
  try {
    return { libpcap: Libpcap.open() };
  } catch (error) {
    return { unavailable: String(error) };
  }
}

const VLAN_TAG_PRESENT = 0xffff_f000 + 48;

suiteRequires('the installed libpcap', { libpcap: installed() }, ({ libpcap: { libpcap } }) => {
  it('says its version', () => {
    expect(libpcap.version).toMatch(/^libpcap version \d/);
  });

  it('compiles, both ways and for each link type', () => {
    const lengthOf = (...[expression, options]: Parameters<Libpcap['compile']>) => {
      const answer = libpcap.compile(expression, options);
      return 'program' in answer ? answer.program.length : answer.refusal;
    };
    expect(lengthOf('ip')).toBe(4);
    expect(lengthOf('ip and ip', { optimize: true })).toBe(4);
    expect(lengthOf('ip and ip', { optimize: false })).toBe(6);
    expect(lengthOf('ip', { linkType: 228 })).toBe(1);
    expect(libpcap.compile('', { snaplen: 100 })).toEqual({ program: [[6, 0, 0, 100]] });
  });

  it('gives programs that run', () => {
    const answer = libpcap.compile('ip broadcast', { netmask: 0xffff_ff00, linkType: 12 });
    if ('refusal' in answer) throw new Error(answer.refusal);
    const bytes = new Uint8Array(20).fill(255, 19).fill(0x45, 0, 1);
    expect(interpret(fromTuples(answer.program), { bytes, start: 0, capturedLength: 20, wireLength: 20 })).toBe(
      262_144,
    );
  });

  it('says why it refuses, and goes on', () => {
    expect(libpcap.compile('ip broadcast')).toEqual({ refusal: "netmask not known, so 'ip broadcast' not supported" });
    expect(libpcap.compile('tcp port')).toEqual({ refusal: "can't parse filter expression: syntax error" });
    expect(libpcap.compile('ip\0 nonsense')).toHaveProperty('refusal');
    expect(libpcap.compile('ip')).toHaveProperty('program');
  });

  it('compiles for savefiles of both byte orders', () => {
    const families = (savefile: 'native' | 'swapped') => {
      const answer = libpcap.compile('ip', { linkType: 0, savefile });
      return 'program' in answer
        ? answer.program.flatMap(([code, , , k]) => (code === 0x15 ? [k] : []))
        : answer.refusal;
    };
    expect([families('native'), families('swapped')]).toEqual([[0x0200_0000], [2]]);
    expect(libpcap.compile('inbound', { savefile: 'native' })).toHaveProperty('refusal');
    expect(libpcap.compile('ip', { linkType: 12, savefile: 'native' })).toHaveProperty('program');
  });

  it.runIf(canCapture().ok)('reads the kernel’s metadata in the live form', () => {
    const answer = libpcap.compile('vlan', { live: true });
    expect('program' in answer && answer.program.some(([, , , k]) => k === VLAN_TAG_PRESENT)).toBe(true);
  });
});
