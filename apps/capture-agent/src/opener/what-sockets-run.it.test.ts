import { PacketSender } from '@bpfleet/linux';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { libc } from '../../../../libs/linux/src/calls/libc.js';
import { accepting, HeldSocketsRig, packet } from '../testing/held-sockets-rig.js';
import { long, web, withMaps } from '../testing/kinds-of-filters.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'held sockets' : `held sockets [skipped: ${possible.reason}]`;

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let host: Host;
  let rig: HeldSocketsRig;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    host = hosts.host(1);
  });
  afterAll(() => hosts?.remove());
  beforeEach(async () => {
    const wire = hosts.inside(hosts.hub, () =>
      PacketSender.open({ interfaceIndex: hosts.interfaceIndex(hosts.hub, 'h1') }),
    );
    rig = new HeldSocketsRig(host.namespacePath, wire);
    await rig.start();
  });
  afterEach(() => rig.stop());

  describe('of eBPF', () => {
    it('run a filter with maps by itself, and attest what was loaded', async () => {
      await rig.desire(withMaps('list'), web(1));
      expect(await rig.states()).toEqual(['web@1 on eth0 attested', 'list@1 on eth0 attested (loaded): own socket']);
      const reader = rig.readerOf('list');
      const found = await rig.received(
        reader,
        [packet('10.9.0.7', 1), packet('10.9.0.8', 2), packet('10.9.0.14', 3)],
        2,
      );
      expect(found).toEqual([1, 3]);
      const [ofWeb, ofList] = await rig.signedStatements();
      expect(ofList).toMatchObject({
        ...{ target: 'ebpf', interface: 'eth0', linkType: 'EN10MB' },
        evidence: { kind: 'loaded', maps: [expect.stringMatching(/^sha256:/)], mapsFrozen: true },
      });
      if (ofList!.evidence.kind !== 'loaded') throw new Error('no evidence');
      const { canary } = ofList!.evidence;
      expect([canary.packets > 2, canary.passed]).toEqual([true, canary.packets]);
      expect(ofWeb).toMatchObject({ target: 'cbpf', evidence: { kind: 'read back' } });
    });

    it('refuse our own connections too', async () => {
      const order = rig.service.desire([withMaps('list')]);
      const notOurs = { address: '10.9.0.14', port: 9999 };
      await rig.opener.desire({ ...order, excluded: [{ address: '10.9.0.7', port: 443 }, notOurs] });
      expect((await rig.opener.attest()).notExcluded).toContain('10.9.0.14 port 9999 may be captured');
      expect(await rig.states()).toEqual(['list@1 on eth0 attested (loaded): own socket']);
      const own = packet('10.9.0.7', 443, 6);
      expect(
        await rig.received(
          rig.readerOf('list'),
          [own, packet('10.9.0.7', 444, 6), own, packet('10.9.0.14', 9999, 6)],
          2,
        ),
      ).toEqual([444, 9999]);
      expect((await rig.signedStatements())[0]!.excluded).toEqual([{ address: '10.9.0.7', port: 443 }]);
    });

    it('run what is too long for a classic program', async () => {
      const filters = [long('a', 1), long('b', 2), long('c', 3), long('d', 4)];
      await rig.desire(...filters);
      expect(await rig.states()).toEqual(filters.map(({ filter }) => `${filter}@1 on eth0 attested (loaded)`));
      expect(rig.sockets).toHaveLength(1);
      const found = await rig.received(
        rig.readerOf('a'),
        [packet('10.1.0.7', 1), packet('10.5.0.7', 2), packet('10.4.0.14', 3)],
        2,
      );
      expect(found).toEqual([1, 3]);
    });

    it('see it when another program is there instead', async () => {
      await rig.desire(withMaps('list'));
      rig.readerOf('list').attach(accepting(96));
      expect(await rig.states()).toEqual([
        expect.stringMatching('diverged: the kernel ran another program; it was attached again'),
      ]);
      expect(await rig.states()).toEqual(['list@1 on eth0 attested (loaded): own socket']);
    });
  });

  describe('where another program was attached', () => {
    it('are diverged until the filter-manager has heard of it, and run the right one', async () => {
      await rig.desire(web(1));
      const reader = rig.readerOf('web');
      const before = reader.readBack();
      reader.attach(accepting(96));
      await rig.opener.desire(rig.service.desire([web(1)]));
      expect(await rig.states()).toEqual([expect.stringMatching(/^web@1 on eth0 diverged/)]);
      expect(reader.readBack()).toEqual(before);
      for (let retry = 0; retry < 3; retry++) {
        expect(await rig.statesAgain()).toEqual([expect.stringMatching(/^web@1 on eth0 diverged/)]);
      }
      expect(await rig.states()).toEqual(['web@1 on eth0 attested']);
    });

    it('are diverged in a status after the one that was on its way when it was found', async () => {
      await rig.desire(web(1));
      await rig.states();
      rig.isConfined = false;
      rig.readerOf('web').attach(accepting(96));
      // The opener looks by itself, each second where the agent is not confined.
      await rig.until('it to be found', () => rig.errors.length > 0);
      expect(await rig.states()).toEqual([expect.stringMatching(/^web@1 on eth0 diverged/)]);
      expect(await rig.states()).toEqual(['web@1 on eth0 attested']);
    });

    it('are diverged once the swap is over that was under way', async () => {
      await rig.desire(web(1));
      await rig.desire(web(2));
      rig.readerOf('web').attach(accepting(96));
      expect(await rig.states()).toEqual(['web@2 on eth0 pending: the swap is under way']);
      expect(await rig.states()).toEqual(['web@2 on eth0 pending: the swap is under way']);
      await rig.settle();
      expect(await rig.states()).toEqual([expect.stringMatching(/^web@2 on eth0 diverged/)]);
      expect(await rig.states()).toEqual(['web@2 on eth0 attested']);
    });

    it('are named in the log, whether anybody hears of the status or not', async () => {
      await rig.desire(web(1));
      rig.readerOf('web').attach(accepting(96));
      await rig.states();
      await rig.states();
      expect(rig.errors).toEqual([
        [{ interface: 'eth0', socket: expect.any(Number) }, 'the kernel ran another program; it was attached again'],
      ]);
    });

    it('are replaced when it was locked', async () => {
      await rig.desire(web(1));
      const [SOL_SOCKET, SO_LOCK_FILTER] = [1, 44];
      const reader = rig.readerOf('web');
      reader.attach(accepting(96));
      expect(libc().setsockopt(reader.fd, SOL_SOCKET, SO_LOCK_FILTER, Uint8Array.of(1, 0, 0, 0), 4)).toBe(0);
      // A look that no status follows takes nothing from the next status.
      expect((await rig.opener.attest()).outcomes).toMatchObject([{ state: 'diverged' }]);
      expect(await rig.states()).toEqual([expect.stringMatching(/^web@1 on eth0 diverged/)]);
      expect(await rig.states()).toEqual(['web@1 on eth0 attested']);
      expect(rig.sockets).toHaveLength(1);
      expect(rig.events.map(({ kind }) => kind)).toContain('draining');
      expect(
        await rig.received(rig.readerOf('web'), [packet('10.1.0.1', 8001, 6), packet('10.1.0.1', 9, 6)], 1),
      ).toEqual([8001]);
    });
  });
});
