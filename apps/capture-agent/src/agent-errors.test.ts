import { describe, expect, it } from 'vitest';
import { interfaceErrors, ownTraffic, unkept, unread } from './agent-errors.js';

const codesOf = (errors: readonly { readonly code: string }[]) => errors.map(({ code }) => code);

describe('errors of an agent', () => {
  const eth0 = { name: 'eth0', up: true };
  const eth1 = { name: 'eth1', up: false };
  const lo = { name: 'lo', up: true };

  it('name each pattern of interfaces that names none now, and those that are there', () => {
    const message = 'no interface wlan* on this host; there are: eth0, lo';
    expect(interfaceErrors(['eth*', 'wlan*', '!docker*', 'lo'], [eth0, lo])).toEqual([
      { code: 'INTERFACE_UNKNOWN', message, at: expect.any(String) },
    ]);
    // Where all that is there is excluded, too.
    expect(interfaceErrors(['!lo'], [lo])).toEqual([]);
  });

  it('name what is down where nothing else is meant', () => {
    expect(interfaceErrors(['eth1', 'lo'], [eth0, eth1, lo])).toMatchObject([
      { code: 'INTERFACE_DOWN', message: expect.stringContaining('eth1 (ip link set') },
    ]);
    expect(interfaceErrors(['eth*', '*'], [eth0, eth1, lo])).toEqual([]);
  });

  it('tell a file that is broken from an interface that cannot be read', () => {
    expect(codesOf(unread({ kind: 'file', troubles: ['cut'] }))).toEqual(['CAPTURE_FILE_CORRUPT']);
    expect(codesOf(unread({ kind: 'cap', troubles: ['eth0', 'eth1'] }))).toEqual(['ATTACH_REFUSED', 'ATTACH_REFUSED']);
  });

  it('say what is not kept, and that own traffic may be captured only where it may', () => {
    expect(unkept(['the identity'])).toMatchObject([{ code: 'DATA_NOT_WRITABLE', message: 'the identity' }]);
    expect(ownTraffic('192.0.2.1 port 9092')).toMatchObject([{ code: 'OWN_TRAFFIC_CAPTURED' }]);
    expect(ownTraffic(undefined)).toEqual([]);
  });
});
