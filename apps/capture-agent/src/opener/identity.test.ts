import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrivateKey } from '@bpfleet/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Identity } from './identity.js';
import { ServiceClock } from './service-clock.js';

describe('Identity', () => {
  let folder: string;
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'bpfleet-identity-')), 'opener');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const file = () => join(folder, 'identity.json');
  const key = PrivateKey.generate().publicKey;
  const other = PrivateKey.generate().publicKey;

  it('knows how late it is for the service after a restart: time goes on in the same boot, whoever runs', async () => {
    const moment = { boot: 'this', bootMs: 5_000 };
    const open = () => Identity.open(folder, 'host-1', undefined, () => ({ ...moment }));
    expect((await open()).serviceTimeNowMs).toBe(0);
    await (await open()).keepServiceTime(1_000_000);
    moment.bootMs += 16_000;
    expect((await open()).serviceTimeNowMs).toBe(1_016_000);
    moment.boot = 'the next';
    moment.bootMs = 900_000;
    expect((await open()).serviceTimeNowMs).toBe(1_000_000);
  });

  it('is made once, readable by its owner alone, and is the same the next time', async () => {
    const made = await Identity.open(folder, 'host-1');
    await made.accepted(7, { keys: [key], revokedKeys: [other] }, 1234);
    const again = await Identity.open(folder, 'host-1');
    expect(again.key.publicKey).toBe(made.key.publicKey);
    expect(again).toMatchObject({ generation: 7, trust: { keys: [key], revokedKeys: [other] }, serviceTimeMs: 1234 });
    expect([statSync(folder).mode & 0o777, statSync(file()).mode & 0o777]).toEqual([0o700, 0o600]);
  });

  it('gives every start a later epoch, by the clock or against it', async () => {
    const first = await (await Identity.open(folder, 'host-1')).nextEpoch(5_000_000);
    const second = await (await Identity.open(folder, 'host-1')).nextEpoch(1_000);
    const third = await (await Identity.open(folder, 'host-1')).nextEpoch(9_000_000_999);
    expect([first, second, third]).toEqual([5000, 5001, 9_000_000]);
  });

  it('names the file where no epoch can follow, and does not write one that it would refuse', async () => {
    await Identity.open(folder, 'host-1');
    const text = (epoch: number) => old(readFileSync(file(), 'utf8')).replace(/"epoch":\d+/, `"epoch":${epoch}`);
    writeFileSync(file(), text(999_999_999_999_998));
    const identity = await Identity.open(folder, 'host-1');
    expect(await identity.nextEpoch(0)).toBe(999_999_999_999_999);
    const none = damaged(/identity\.json is damaged: no epoch comes after 999999999999999$/);
    await expect(identity.nextEpoch(0)).rejects.toEqual(none);
    await expect(Identity.open(folder, 'host-1')).rejects.toEqual(none);
    writeFileSync(file(), text(Number.MAX_SAFE_INTEGER));
    await expect(Identity.open(folder, 'host-1')).rejects.toEqual(damaged(/no epoch comes after 9007199254740991$/));
  });

  it('pins the first keys it is given, and no others after that', async () => {
    const identity = await Identity.open(folder, 'host-1');
    await identity.pin([key]);
    await identity.pin([other, key]);
    expect(identity.trust.keys).toEqual([key]);
    await expect(identity.pin([other])).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
  });

  /** As files were before they had a checksum. */
  const old = (text: string) => text.replace(/,"crc32":\d+/, '');
  const damaged = (why: RegExp = /identity\.json is damaged$/) =>
    expect.objectContaining({
      code: 'DATA_FOREIGN',
      message: expect.stringMatching(why),
      hint: expect.stringMatching(/restore it.*enrol/),
    });

  it.each([
    ['half a file', (text: string) => text.slice(0, 40)],
    ['no file of ours', () => '{}'],
    ['no object', () => 'null'],
    ['one with another trusted key', (text: string) => text.replace(key, other)],
    ['one with another generation', (text: string) => text.replace('"generation":7', '"generation":902')],
    ['one with another checksum', (text: string) => text.replace(/"crc32":\d/, '"crc32":0')],
    ['one whose checksum has another name', (text: string) => text.replace('"crc32"', '"crc3r"')],
    [
      'an old one whose key was cut',
      (text: string) => old(text).replace('BEGIN PRIVATE', 'BEGIN'),
      /is damaged: its private key cannot be read$/,
    ],
    [
      'an old one whose keys are no pair',
      (text: string) => old(text).replace(/"identityPublicKey":"[^"]+"/, `"identityPublicKey":"${key}"`),
      /is damaged: its keys are no pair$/,
    ],
  ])('refuses %s, and leaves it as it is', async (_, damage, why?: RegExp) => {
    await (await Identity.open(folder, 'host-1')).accepted(7, { keys: [key], revokedKeys: [] }, 1234);
    const text = damage(readFileSync(file(), 'utf8'));
    writeFileSync(file(), text);
    await expect(Identity.open(folder, 'host-1')).rejects.toEqual(damaged(why));
    expect(readFileSync(file(), 'utf8')).toBe(text);
  });

  it('refuses one of another agent', async () => {
    await Identity.open(folder, 'host-1');
    await expect(Identity.open(folder, 'host-2')).rejects.toMatchObject({
      ...{ code: 'DATA_FOREIGN', message: expect.stringMatching(/is of agent host-1, not of host-2$/) },
      hint: expect.stringContaining('BPFLEET_AGENT_ID'),
    });
  });

  it('takes one from before there were checksums, and gives it one', async () => {
    await (await Identity.open(folder, 'host-1')).accepted(7, { keys: [key], revokedKeys: [] }, 1234);
    writeFileSync(file(), old(readFileSync(file(), 'utf8')));
    const identity = await Identity.open(folder, 'host-1');
    expect(identity).toMatchObject({ generation: 7, trust: { keys: [key] } });
    await identity.nextEpoch(5_000_000);
    expect(readFileSync(file(), 'utf8')).toContain('"crc32":');
  });

  it('says which folder it cannot write', async () => {
    await expect(Identity.open('/proc/nowhere', 'host-1')).rejects.toMatchObject({
      code: 'DATA_NOT_WRITABLE',
      message: expect.stringContaining('/proc/nowhere'),
    });
  });

  describe('where the disk takes nothing', () => {
    const told: (string | undefined)[] = [];
    let identity: Identity;
    /** A folder in the place of the draft: as root nobody is refused by permissions. */
    const spoil = () => mkdirSync(`${file()}.new`);
    const mend = () => rmdirSync(`${file()}.new`);
    beforeEach(async () => {
      told.length = 0;
      identity = await Identity.open(folder, 'host-1', (trouble) => told.push(trouble));
      await identity.nextEpoch(1000);
      spoil();
    });

    it('goes on in memory with what changes, and says so once', async () => {
      const before = readFileSync(file(), 'utf8');
      await identity.pin([key]);
      await identity.accepted(7, { keys: [key, other], revokedKeys: [] }, 1234);
      await identity.keepServiceTime(2345);
      expect(await identity.nextEpoch(1000)).toBe(2);
      expect(await identity.nextEpoch(1000)).toBe(3);
      expect(identity).toMatchObject({ generation: 7, trust: { keys: [key, other] }, serviceTimeMs: 2345 });
      expect(told).toEqual([expect.stringMatching(/in memory only: EISDIR.*; move away what stands in its place/)]);
      expect(identity.trouble).toBe(told[0]);
      expect(readFileSync(file(), 'utf8')).toBe(before);
    });

    it('keeps all of it once the disk takes it again', async () => {
      await identity.accepted(7, { keys: [key], revokedKeys: [] }, 1234);
      await identity.keepRefused();
      expect(identity.trouble).toBeDefined();
      mend();
      await identity.keepRefused();
      expect([told.length, told[1], identity.trouble]).toEqual([2, undefined, undefined]);
      expect(await Identity.open(folder, 'host-1')).toMatchObject({ generation: 7, serviceTimeMs: 1234 });
    });

    it('starts from what was kept', async () => {
      await identity.accepted(7, { keys: [key], revokedKeys: [] }, 1234);
      const next = await Identity.open(folder, 'host-1');
      expect(next.generation).toBe(-1);
      expect(await next.nextEpoch(9_000_000)).toBe(9000);
    });

    it('makes none: it would be another agent after each start', async () => {
      rmSync(file());
      await expect(Identity.open(folder, 'host-1')).rejects.toMatchObject({ code: 'DATA_NOT_WRITABLE' });
    });
  });

  it('writes changes that come at once one after the other', async () => {
    const identity = await Identity.open(folder, 'host-1');
    await Promise.all(Array.from({ length: 20 }, (_, i) => identity.keepServiceTime(i)));
    await identity.accepted(3, { keys: [key], revokedKeys: [] }, 99);
    expect(await Identity.open(folder, 'host-1')).toMatchObject({ generation: 3, serviceTimeMs: 99 });
  });
});

describe('ServiceClock', () => {
  it('goes on from what it heard last, whatever the host says of the time', () => {
    let bootMs = 1000;
    const clock = new ServiceClock(0, () => bootMs);
    expect(clock.timeMs).toBe(0);
    clock.heard(50_000);
    bootMs += 300;
    expect(clock.timeMs).toBe(50_300);
  });

  it('never goes back', () => {
    const clock = new ServiceClock(0, () => 0);
    clock.heard(50_000);
    clock.heard(40_000);
    expect(clock.timeMs).toBe(50_000);
  });

  it('goes on after a reboot from where it was saved, so that what has an end comes to it', () => {
    let bootMs = 20;
    const clock = new ServiceClock(50_000, () => bootMs);
    bootMs += 1000;
    expect(clock.timeMs).toBe(51_000);
  });
});
