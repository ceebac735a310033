import { beforeEach, describe, expect, it } from 'vitest';
import { GONE, MemberLedger, MOST_ROWS_LEFT } from './member-ledger.js';
import { memberOf } from './testing/member.js';

const [web, dns] = [memberOf('web', ''), memberOf('dns', '')];

describe('the rows of interfaces that have left', () => {
  let ledger: MemberLedger;
  beforeEach(() => {
    ledger = new MemberLedger();
  });
  /** One that has a packet of each filter, and leaves. */
  function comesAndGoes(name: string): void {
    const accounts = ledger.accountsOn(name);
    for (const member of [web, dns]) {
      accounts.budgetOf(member);
      accounts.countersOf(member).matched++;
    }
    ledger.left(name);
  }
  const names = () => new Set(ledger.versions().map((row) => row.interface));
  const matched = () => ledger.versions().reduce((sum, row) => sum + row.matched, 0);

  it('stay while they are few', () => {
    for (let index = 0; index < MOST_ROWS_LEFT / 2; index++) comesAndGoes(`veth${index}`);
    expect(ledger.versions()).toHaveLength(MOST_ROWS_LEFT);
    expect(names().has(GONE)).toBe(false);
  });

  it('are one for each version in the end, those that left first, and no count is lost', () => {
    const count = MOST_ROWS_LEFT;
    ledger.accountsOn('eth0').countersOf(web).matched++;
    ledger.accountsOn('eth0').budgetOf(web);
    for (let index = 0; index < count; index++) comesAndGoes(`veth${index}`);
    expect(ledger.versions()).toHaveLength(1 + MOST_ROWS_LEFT + 2);
    expect(matched()).toBe(1 + 2 * count);
    expect([names().has('eth0'), names().has('veth0'), names().has(`veth${count - 1}`)]).toEqual([true, false, true]);
    const gone = ledger.versions().filter((row) => row.interface === GONE);
    expect(gone.map((row) => [row.version, row.matched])).toEqual([
      ['web@1', count / 2],
      ['dns@1', count / 2],
    ]);
  });

  it('go on counting for one that comes again', () => {
    comesAndGoes('tun0');
    const counters = ledger.accountsOn('tun0').countersOf(web);
    for (let index = 0; index < MOST_ROWS_LEFT; index++) comesAndGoes(`veth${index}`);
    counters.matched++;
    expect(ledger.versions().find((row) => row.interface === 'tun0')).toMatchObject({ version: 'web@1', matched: 2 });
  });
});
