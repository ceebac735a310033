import { describe, expect, it } from 'vitest';
import { hardwareOf } from './hardware.js';

describe('hardwareOf', () => {
  it.each<[what: string, arphrd: number, name: string, linkType: string]>([
    ['Ethernet, veth, bridges and bonds have an Ethernet header', 1, 'ETHER', 'EN10MB'],
    ['lo has one too', 772, 'LOOPBACK', 'EN10MB'],
    ['tun and WireGuard begin with IP', 65_534, 'NONE', 'RAW'],
    ['so do tunnels of IP in IP', 768, 'TUNNEL', 'RAW'],
    ['PPP is not captured, by name', 512, 'PPP', 'unsupported'],
    ['what we do not know is not captured, by number', 4711, 'ARPHRD 4711', 'unsupported'],
  ])('%s', (_, arphrd, name, linkType) => {
    expect(hardwareOf(arphrd)).toEqual({ name, linkType });
  });
});
