import { assembleEbpf, encodeEbpf } from '@bpfleet/bpf';
import { expect, it } from 'vitest';
import { suiteRequires } from '../../../../tests/environment/src/requirements.js';
import { LoadedFilter } from './loaded-filter.js';

const root = process.getuid?.() === 0 ? {} : { unavailable: 'loading eBPF needs root' };
const load = (text: string) => LoadedFilter.load({ maps: [], encode: () => encodeEbpf(assembleEbpf(text)) });

suiteRequires('LoadedFilter', { root }, () => {
  it('loads what the verifier takes', () => {
    const loaded = load('w0 = 96\nexit');
    expect(loaded.program).toBeGreaterThan(2);
    expect(loaded.counted()).toBeUndefined();
    loaded.close();
  });

  it.each([
    ['exit', /before anything is in it/],
    ['w0 = 0\nexit\nexit', /nothing leads to/],
    ['w0 = 0\nr1 = *(u32 *)(r1 +76)\nexit', /metadata that socket filters may not/],
  ])('says in words why the verifier refuses %j', (text, reason) => {
    expect(() => load(text)).toThrow(reason);
  });
});
