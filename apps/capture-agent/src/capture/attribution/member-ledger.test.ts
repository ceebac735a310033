import { beforeEach, describe, expect, it } from 'vitest';
import type { CaptureMember } from '../../border/opener-port.js';
import type { AttributedMember } from './attributed-member.js';
import type { MemberAccounts } from './attribution.js';
import { GONE, MemberLedger, MOST_ROWS_GONE, MOST_ROWS_LEFT } from './member-ledger.js';
import { memberOf } from './testing/member.js';

type Running = Pick<AttributedMember, 'counters' | 'budget'>;
const runningOn = (accounts: MemberAccounts, member: CaptureMember): Running => ({
  budget: accounts.budgetOf(member),
  counters: accounts.countersOf(member),
});

const [web, dns] = [memberOf('web', ''), memberOf('dns', '')];

describe('the rows of interfaces and versions that have left', () => {
  let ledger: MemberLedger;
  let staying: Running[];
  beforeEach(() => {
    ledger = new MemberLedger();
    staying = [];
  });
  /** Packets of each of these on the interface, until they end. */
  function comeAndGo(name: string, members: readonly CaptureMember[] = [web, dns]): void {
    const accounts = ledger.accountsOn(name);
    const coming = members.map((member) => runningOn(accounts, member));
    for (const { counters } of coming) counters.matched++;
    ledger.runs([...staying, ...coming]);
    ledger.runs(staying);
  }
  const names = () => new Set(ledger.versions().map((row) => row.interface));
  const matched = () => ledger.versions().reduce((sum, row) => sum + row.matched, 0);

  it('stay while they are few', () => {
    for (let index = 0; index < 100; index++) comeAndGo(`veth${index}`);
    expect(ledger.versions()).toHaveLength(200);
    expect(names().has(GONE)).toBe(false);
  });

  it('are one for each version in the end, those that left first, and no count is lost', () => {
    const eth0 = runningOn(ledger.accountsOn('eth0'), web);
    eth0.counters.matched++;
    staying.push(eth0);
    const count = MOST_ROWS_LEFT / 2 + 10;
    for (let index = 0; index < count; index++) comeAndGo(`veth${index}`);
    expect(ledger.versions()).toHaveLength(1 + MOST_ROWS_LEFT + 2);
    expect(matched()).toBe(1 + 2 * count);
    expect([names().has('eth0'), names().has('veth0'), names().has(`veth${count - 1}`)]).toEqual([true, false, true]);
    const gone = ledger.versions().filter((row) => row.interface === GONE);
    expect(gone.map((row) => [row.version, row.matched])).toEqual([
      ['web@1', 10],
      ['dns@1', 10],
    ]);
  });

  it('are never more than a status shows, however many versions ran on one interface', () => {
    const count = MOST_ROWS_LEFT + MOST_ROWS_GONE + 10;
    for (let version = 1; version <= count; version++) comeAndGo('eth0', [{ ...web, version }]);
    expect(ledger.versions()).toHaveLength(MOST_ROWS_LEFT + MOST_ROWS_GONE + 1);
    expect(matched()).toBe(count);
    expect(ledger.versions().find(({ version }) => version === GONE)).toMatchObject({ interface: GONE, matched: 10 });
    expect(ledger.versions().some(({ version }) => version === `web@${count}`)).toBe(true);
  });

  it('go on counting for one that comes again', () => {
    comeAndGo('tun0');
    const tun0 = runningOn(ledger.accountsOn('tun0'), web);
    staying.push(tun0);
    for (let index = 0; index < MOST_ROWS_LEFT; index++) comeAndGo(`veth${index}`, [web]);
    tun0.counters.matched++;
    expect(ledger.versions().find((row) => row.interface === 'tun0' && row.version === 'web@1')?.matched).toBe(2);
  });
});

describe('the budget of a filter', () => {
  const limited = memberOf('web', '', { budget: { packetsPerSecond: 1, bytesPerSecond: 0 } });
  /** Takes more than it has, and says who took a step in the second after. */
  function overspend(ledger: MemberLedger, nowMs: number): readonly string[] {
    ledger.turn(nowMs);
    const budget = ledger.accountsOn('eth0').budgetOf(limited);
    for (let packet = 0; packet < 3; packet++) budget.take(1);
    return ledger.turn(nowMs + 1000).map(({ filter }) => filter);
  }

  it('takes no more steps once the filter has ended', () => {
    const ledger = new MemberLedger();
    ledger.runs([runningOn(ledger.accountsOn('eth0'), limited)]);
    expect(overspend(ledger, 0)).toEqual(['web']);
    ledger.runs([]);
    expect(ledger.turn(60_000)).toEqual([]);
  });

  it('is still that of members which wait for their end, while one with other limits is there', () => {
    const ledger = new MemberLedger();
    const accounts = ledger.accountsOn('eth0');
    const before = runningOn(accounts, limited);
    const after = runningOn(accounts, { ...limited, version: 2, budget: { packetsPerSecond: 5, bytesPerSecond: 0 } });
    ledger.runs([before, after]);
    ledger.turn(0);
    for (let packet = 0; packet < 3; packet++) before.budget.take(1);
    expect(before.budget.take(1)).toBe(false);
    ledger.turn(1000);
    expect([before.budget.take(1), before.budget.step, after.budget.step]).toEqual([true, 'headers', 'full']);
    ledger.throttle('paused');
    expect([before.budget.step, after.budget.step]).toEqual(['paused', 'paused']);
    ledger.throttle('full');
    expect(ledger.versions().map(({ version, step }) => [version, step])).toEqual([
      ['web@1', 'full'],
      ['web@2', 'full'],
    ]);
    ledger.runs([after]);
    expect(accounts.budgetOf(limited)).not.toBe(before.budget);
  });
});
