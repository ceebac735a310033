import { BPF, encodeProgram, statement, toTuples } from '@bpfleet/bpf';
import { openDocument, statementKind, toBase64 } from '@bpfleet/contract';
import { PacketSocket } from '@bpfleet/linux';
import { compile } from '@bpfleet/pcap-filter';
import { nodeCrypto } from '@bpfleet/service';
import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CaptureRig } from '../testing/capture-rig.js';
import { SigningService } from '../testing/signing-service.js';
import { hashOf } from './kernel-program.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'an opener' : `an opener [skipped: ${possible.reason}]`;

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let rig: CaptureRig;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
  });
  afterAll(() => hosts.remove());
  beforeEach(async () => {
    rig = new CaptureRig(hosts.host(1).namespacePath);
    await rig.start();
  });
  afterEach(() => rig.stop());

  const web = { filter: 'web', version: 1, expression: 'tcp port 80' };
  const dns = { filter: 'dns', version: 1, expression: 'udp port 53' };
  const states = async () =>
    (await rig.opener.attest()).outcomes.map(({ filter, version, state, reason }) =>
      [`${filter}@${version}`, state, reason].filter(Boolean).join(' '),
    );

  describe('refuses, and what ran keeps running,', () => {
    beforeEach(() => rig.desire(rig.service.desire([web])));
    afterEach(async () => expect(await states()).toEqual(['web@1 attested']));

    it('a state that a strange key signed', async () => {
      await expect(rig.desire(new SigningService('agent-1').desire([dns]))).rejects.toMatchObject({
        code: 'SIGNATURE_INVALID',
      });
    });

    it('a state of another agent', async () => {
      await expect(rig.desire(rig.service.desire([dns], { agent: 'agent-2' }))).rejects.toMatchObject({
        code: 'DOCUMENT_INVALID',
      });
    });

    it('an older state, also one that was once in force', async () => {
      const older = rig.service.desire([dns], { generation: 0 });
      await expect(rig.desire(older)).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
    });

    it('a bundle with other bytes than the state names, and one that is missing', async () => {
      const order = rig.service.desire([dns]);
      const [bundle] = order.bundles;
      const changed = Buffer.from(Buffer.from(bundle!, 'base64').toString().replace('udp', 'tcp')).toString('base64');
      for (const bundles of [[changed], []]) {
        await expect(rig.desire({ ...order, bundles })).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
      }
    });
  });

  it('refuses a filter whose self-test comes out wrong, and runs the others', async () => {
    const { program } = compile('udp port 53', { live: true });
    const packet = { bytes: toBase64(new Uint8Array(60)), wireLength: 60, verdict: 262_144, needsMetadata: false };
    const programs = [
      {
        linkType: 'EN10MB',
        form: 'live' as const,
        target: 'cbpf' as const,
        instructions: toTuples(program),
        selfTest: [packet],
      },
    ];
    await rig.desire(rig.service.desire([web, { ...dns, programs }]));
    expect(await states()).toEqual([
      'web@1 attested',
      'dns@1 refused self-test packet 0: the interpreter says 0, expected is 262144',
    ]);
  });

  it('sees that another program was attached, puts it right and says so', async () => {
    await rig.desire(rig.service.desire([web]));
    const event = rig.events.find(({ kind }) => kind === 'socket') as Extract<
      (typeof rig.events)[0],
      { kind: 'socket' }
    >;
    const before = (await rig.opener.attest()).outcomes[0]!.attachedDigest;
    const intruder = PacketSocket.adopt(event.fd, {
      geometry: event.socket.ring,
      skipOutgoing: false,
      resume: false,
      subject: 'eth0',
    });
    intruder.attach(encodeProgram([statement(BPF.RET | BPF.K, 262_144)]));
    await rig.until('the opener to notice', () => rig.events.some(({ kind }) => kind === 'changed'));
    expect(hashOf(intruder.readBack())).toBe(before);
    const known = await rig.opener.attest();
    expect(known.outcomes[0]!.attachedDigest).toBe(before);
  });

  it('signs what each socket runs, so that anybody can link it again and compare', async () => {
    await rig.desire(rig.service.desire([web, dns]));
    const { statements } = await rig.opener.attest('nonce-1');
    expect(statements).toHaveLength(1);
    const verification = { keys: [rig.identityPublicKey], crypto: nodeCrypto };
    const statement_ = openDocument(statementKind, statements[0], verification);
    expect(statement_).toMatchObject({
      agent: 'agent-1',
      interface: 'eth0',
      generation: 1,
      linkerVersion: 1,
      linkType: 'EN10MB',
      target: 'cbpf',
      evidence: { kind: 'read back' },
      nonce: 'nonce-1',
    });
    expect(statement_.members).toHaveLength(2);
    expect(statement_.hash).toBe((await rig.opener.attest()).outcomes[0]!.attachedDigest);
  });

  it('gives a filter that user space cannot decide again a socket of its own', async () => {
    // `ld random`: no packet of a ring carries what it was.
    const RANDOM = 0xffff_f000 + 56;
    const programs = [
      {
        linkType: 'EN10MB',
        form: 'live' as const,
        target: 'cbpf' as const,
        instructions: toTuples([statement(BPF.LD | BPF.W | BPF.ABS, RANDOM), statement(BPF.RET | BPF.A, 0)]),
        selfTest: [],
      },
    ];
    await rig.desire(rig.service.desire([web, { ...dns, programs }]));
    expect(new Set(await states())).toEqual(new Set(['dns@1 attested own socket', 'web@1 attested']));
    const sockets = rig.events.filter(({ kind }) => kind === 'socket');
    expect(sockets).toMatchObject([{ socket: { isOwnSocket: false } }, { socket: { isOwnSocket: true } }]);
  });

  it('ends what has an end, by the time of the service', async () => {
    const order = (issuedAt: string, notAfter: string) => {
      const state = rig.service.desire([web], { issuedAt });
      const payload = JSON.parse(Buffer.from((state.state as { payload: string }).payload, 'base64').toString());
      return rig.service.desire([web], { issuedAt, entries: [{ ...payload.entries[0], notAfter }] });
    };
    await rig.desire(order('2099-01-01T00:00:00Z', '2099-01-01T00:00:02Z'));
    expect(await states()).toEqual(['web@1 attested']);
    await rig.until('the filter to end', async () => /web@1 refused it was to run until/.test((await states()).join()));
    await rig.until('its ring to be read to the end', () => rig.events.some(({ kind }) => kind === 'draining'));
  });

  it('follows interfaces that come and go', async () => {
    await rig.desire(rig.service.desire([web]));
    await hosts.exec(hosts.host(1), ['ip', 'link', 'add', 'late0', 'type', 'veth', 'peer', 'name', 'late1']);
    await hosts.exec(hosts.host(1), ['ip', 'link', 'set', 'late0', 'up']);
    const on = async () => (await rig.opener.attest()).outcomes.map(({ interface: device }) => device);
    await rig.until('the new interface', async () => (await on()).includes('late0'));
    await hosts.exec(hosts.host(1), ['ip', 'link', 'del', 'late0']);
    await rig.until('it to be gone', async () => (await on()).join() === 'eth0');
  });
});
