import { describe, expect, it } from 'vitest';
import { ownTrafficFinding } from './own-traffic-finding.js';

describe('own traffic as doctor finds it', () => {
  const configured = [
    { host: 'kafka', port: 9092 },
    { host: 'server', port: 7400 },
  ];
  const at = (...brokers: string[]) => ({ advertised: () => Promise.resolve(brokers) });

  it('is left out where configuration or signed state name the ports of all brokers', async () => {
    const { advertised } = at('10.0.0.1:9092', '[fd00::1]:9094');
    const signed = [{ host: 'other', port: 9094 }];
    expect(await ownTrafficFinding(advertised, { configured, signed })).toMatchObject({ state: 'ok' });
  });

  it('is captured where neither does; which broker, and where to name it', async () => {
    const { advertised } = at('10.0.0.1:9092', '[fd00::1]:9094');
    for (const [signed, detail] of [
      [[{ host: 'other', port: 9093 }], /\[fd00::1\]:9094,.* nor does the signed state/],
      [undefined, /\[fd00::1\]:9094,.* no signed state here yet/],
    ] as const) {
      const found = await ownTrafficFinding(advertised, { configured, signed });
      expect(found).toMatchObject({ state: 'warning', detail: expect.stringMatching(detail) });
      expect(found.advice).toMatch(/^add \[fd00::1\]:9094 to BPFLEET_EXCLUDED_ENDPOINTS of the filter-manager/);
    }
  });

  it('is not known while no broker answers', async () => {
    const none = () => Promise.reject(new Error('nobody answers'));
    const found = await ownTrafficFinding(none, { configured, signed: undefined });
    expect(found).toMatchObject({ state: 'warning', detail: expect.stringContaining('nobody answers') });
    expect(found.advice).toContain('again');
  });
});
