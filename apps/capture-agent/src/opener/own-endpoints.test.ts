import { describe, expect, it } from 'vitest';
import { ownEndpoints } from './own-endpoints.js';

const OWN = [
  { host: 'kafka.example', port: 9092 },
  { host: '10.0.0.1', port: 7420 },
];
const at = (port: number) => ({ address: '192.0.2.1', port });

describe('ownEndpoints', () => {
  it('takes the addresses of own ports on trust, and no other port', () => {
    expect(ownEndpoints([at(9092), at(7420)], OWN)).toEqual({ excluded: [at(9092), at(7420)], trouble: undefined });
    const { excluded, trouble } = ownEndpoints([at(9092), at(443)], OWN);
    expect(excluded).toEqual([at(9092)]);
    expect(trouble).toMatch(/^192\.0\.2\.1 port 443 may be captured: .*BPFLEET_EXCLUDED_ENDPOINTS/);
  });
  it('names a few', () => {
    expect(ownEndpoints([1, 2, 3, 4, 5].map(at), OWN).trouble).toContain('port 3 and 2 more may be captured');
  });
});
