import { describe, expect, it } from 'vitest';
import { isPrivileged, withoutPrivileges } from './without-privileges.js';

const files = { entry: '/code/main.js', recording: '/some.pcap', folders: ['/state', '/state/none'] } as const;
const how = (user: string, works: (options: string) => boolean) =>
  withoutPrivileges(user, files, (command) => works(command.join(' ')))?.join(' ');

describe('starting without privileges', () => {
  it('is as the agent’s user where its files allow it, else as ourselves without capabilities', () => {
    const asUser = 'setpriv --reuid=7 --regid=8 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs --';
    expect(how('7:8', () => true)).toBe(asUser);
    expect(how('', () => true)).toContain('--reuid=65534 --regid=65534');
    const ours = 'setpriv --bounding-set=-all --inh-caps=-all --no-new-privs --';
    expect(how('7:8', (options) => !options.includes('reuid'))).toBe(ours);
    expect(how('7:8', (options) => !options.includes('bounding'))).toMatch(/reuid=7.*groups --inh-caps=-all --no-new/);
    expect(how('7:8', () => false)).toBeUndefined();
  });

  it('is tried with the state folder, there or not, and with what is there below it', () => {
    const tried: (readonly string[])[] = [];
    withoutPrivileges('7:8', files, (command) => tried.push(command) < 0);
    expect(tried[0]!.slice(-4)).toEqual([process.execPath, '/code/main.js', '/some.pcap', '/state']);
  });

  it('is for who has something to lose', () => {
    const none = { filters: 0, isFiltered: false, hasNoNewPrivileges: true, capabilities: 0n, isRoot: false };
    expect(isPrivileged(none)).toBe(false);
    expect(isPrivileged({ ...none, isRoot: true })).toBe(false);
    expect(isPrivileged({ ...none, isRoot: true, hasNoNewPrivileges: false })).toBe(true);
    expect(isPrivileged({ ...none, capabilities: 1n })).toBe(true);
  });
});
