import { createHash } from 'node:crypto';
import { InProcessBus } from '@bpfleet/bus';
import { formatInstantNs, importMediaType, packetMediaTypes, queryApi } from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { PcapngExport, readCapture, writePcapHeader, writePcapPacket } from '@bpfleet/section';
import { createLogger, createMetrics } from '@bpfleet/service';
import { ImportStore, IngestStore } from '@bpfleet/store';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ingestMetrics } from '../ingest/metrics.js';
import { migratedDatabase, RunningAnalytics } from '../testing/running-analytics.js';
import { tcpFrame } from '../testing/sections.js';
import { FileSections } from './file-sections.js';
import { SectionCutter } from './section-cutter.js';

/** Of a time that no agent's clock would be believed. */
const startNs = BigInt(Date.UTC(2019, 3, 1)) * 1_000_000n;
const PACKETS = 20_000;
const CHUNK_BYTES = 60_000;

/** Few: a file must be made faster than a server gives up connections that are silent. */
const frames = Array.from({ length: 999 }, (_, index) => tcpFrame(index, index % 3 === 0 ? 53 : 80));

const STORED_IN = ['flow', 'flow_minute', 'ledger', 'partition_range', 'position', 'progress', 'section'];

/** A pcap file whose packets are a millisecond apart. */
function pcapOf(first: number, count: number): Buffer {
  const records = Array.from({ length: count }, (_, index) => {
    const bytes = frames[index % frames.length]!;
    const atNs = startNs + BigInt(first + index) * 1_000_000n;
    return writePcapPacket(bytes, { atNs, start: 0, capturedLength: bytes.length, wireLength: bytes.length });
  });
  return Buffer.concat([writePcapHeader(LinkType.EN10MB), ...records]);
}

/** A pcapng file of one packet for each value of `epb_flags`. */
function pcapngOf(flags: readonly number[]): Buffer {
  const file = new PcapngExport();
  const header = file.header([{ name: 'eth0', linkType: LinkType.EN10MB }]);
  const bytes = frames[0]!;
  const shape = { atNs: startNs, start: 0, capturedLength: bytes.length, wireLength: bytes.length };
  const blocks = flags.map((value) => {
    const block = Buffer.from(file.packet(0, bytes, shape));
    // Option 2 of 4 bytes, before the length at the block's end.
    const options = Buffer.from(Uint32Array.of((4 << 16) | 2, value, 0).buffer);
    const length = Buffer.from(Uint32Array.of(block.length + options.length).buffer);
    length.copy(block, 4);
    return Buffer.concat([block.subarray(0, -4), options, length]);
  });
  return Buffer.concat([header, ...blocks]);
}
const digestOf = (file: Uint8Array) => `sha256:${createHash('sha256').update(file).digest('hex')}`;

async function* chunksOf(file: Buffer, end = file.length, beforeBreak: () => Promise<unknown> = async () => {}) {
  for (let at = 0; at < end; at += CHUNK_BYTES) yield file.subarray(at, Math.min(end, at + CHUNK_BYTES));
  if (end === file.length) return;
  await beforeBreak();
  throw new Error('the sender broke off');
}

suiteRequires('Imported capture files', { postgres: await postgres() }, ({ postgres: { connection } }) => {
  let database: TestDatabase;
  let analytics: RunningAnalytics;
  beforeAll(async () => {
    database = await createDatabase(connection, migratedDatabase);
    analytics = new RunningAnalytics(database.connection, new InProcessBus(), { requireSignatures: true });
    await analytics.start();
  });
  afterAll(async () => {
    await analytics.stop();
    await database.drop();
  });

  const send = (file: Buffer, { digest = digestOf(file), name = 'old.pcap', content = chunksOf(file) } = {}) =>
    analytics.client.call(queryApi.importCapture, {
      query: { digest, name },
      upload: { mediaType: importMediaType, content },
    });
  /** Stores most sections of a file under a digest, as a process that is killed then. */
  async function leave(file: Buffer, digest: string, name = 'old.pcap'): Promise<string> {
    const agent = `import-${digest.slice(7, 23)}`;
    const { pool } = analytics;
    const left = new FileSections(digest, agent, {
      store: new ImportStore(pool),
      owner: 'killed',
      ingest: {
        store: new IngestStore(pool),
        metrics: ingestMetrics(createMetrics()),
        logger: createLogger({ name: 'killed', level: 'silent' }),
        nowMs: () => Date.now(),
      },
    });
    const cutter = new SectionCutter(agent, name);
    for (const packet of readCapture(file)) {
      const section = cutter.add(packet);
      if (section) await left.add(section);
    }
    expect((await stored(agent)).length).toBeGreaterThan(0);
    return agent;
  }
  const range = { since: '2019-01-01T00:00:00Z', until: '2020-01-01T00:00:00Z' } as const;
  async function stored(agent: string) {
    const headers = { accept: packetMediaTypes.pcapng };
    const answer = await analytics.client.send(queryApi.listPackets, { query: { ...range, agent }, headers });
    return [...readCapture(new Uint8Array(await answer.arrayBuffer()))];
  }

  async function flowPackets(agent: string) {
    const { total, completeness } = await analytics.client.call(queryApi.getTop, { query: { ...range, agent } });
    return total.packets + completeness.packetsPending;
  }

  async function account(agent: string) {
    const { agents } = await analytics.client.call(queryApi.getLedger, { query: {} });
    return agents.find((one) => one.agent === agent);
  }

  /** The tables that know of an import. */
  async function tablesWith(digest: string): Promise<string[]> {
    const agent = `import-${digest.slice(7, 23)}`;
    const { rows } = await analytics.pool.query<{ name: string }>(
      ['section', 'progress', 'ledger', 'agent_loss', 'flow', 'flow_minute']
        .map((name) => `SELECT '${name}' AS name FROM analytics.${name} WHERE agent = $1`)
        .concat(
          ['quarantine', 'partition_range', 'position'].map(
            (name) => `SELECT '${name}' FROM analytics.${name} WHERE log = $2`,
          ),
        )
        .join(' UNION ')
        .concat(' ORDER BY name'),
      [agent, `import ${digest}`],
    );
    return rows.map(({ name }) => name);
  }

  it('stores each packet once, however often the file is sent', async () => {
    const file = pcapOf(0, PACKETS);
    const first = await send(file);
    expect(first).toMatchObject({ packets: PACKETS, skipped: 0, stored: first.sections });
    expect(first).toMatchObject({ firstPacketAt: formatInstantNs(startNs) });
    expect(first.agent).toBe(`import-${digestOf(file).slice(7, 23)}`);
    expect(await send(file, { name: 'renamed.pcap' })).toEqual({ ...first, stored: 0 });
    const found = await stored(first.agent);
    expect(found.map(({ atNs }) => atNs)).toEqual([...readCapture(file)].map(({ atNs }) => atNs));
    const { packets, completeness } = await analytics.client.call(queryApi.listPackets, {
      query: { ...range, agent: first.agent, filter: 'port 53', version: 'import', limit: 100_000 },
    });
    expect(packets).toHaveLength(Math.ceil(PACKETS / 3));
    expect(completeness).toMatchObject({ recordsQuarantined: 0, sectionsMissing: 0, rangeScanned: true });
  });

  it('keeps nothing of a file whose sender broke off, until it is sent again', async () => {
    const file = pcapOf(1_000_000, PACKETS);
    const agent = `import-${digestOf(file).slice(7, 23)}`;
    const isPartStored = () => expect.poll(async () => (await stored(agent)).length).toBeGreaterThan(0);
    const content = () => chunksOf(file, Math.floor(file.length * 0.7), isPartStored);
    await expect(send(file, { content: content() })).rejects.toThrow('the sender broke off');
    await expect.poll(() => tablesWith(digestOf(file))).toEqual([]);
    const result = await send(file);
    expect(result).toMatchObject({ packets: PACKETS, stored: result.sections });
    // Nor does it do harm to what is stored.
    await expect(send(file, { content: content() })).rejects.toThrow('the sender broke off');
    expect(await stored(agent)).toHaveLength(PACKETS);
    const { total, completeness } = await analytics.client.call(queryApi.getTop, { query: { ...range, agent } });
    expect([total.packets, completeness.packetsPending]).toEqual([PACKETS, 0]);
  });

  it('keeps nothing of a body that is not the file of its digest', async () => {
    const file = pcapOf(2_000_000, PACKETS);
    const agent = `import-${digestOf(file).slice(7, 23)}`;
    const wrong = [
      file.subarray(0, pcapOf(0, PACKETS / 2 + 100).length),
      Buffer.concat([file, pcapOf(0, 50).subarray(24)]),
      pcapOf(3_000_000, PACKETS),
    ];
    for (const body of wrong) {
      await expect(send(file, { content: chunksOf(body) })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      expect(await stored(agent)).toEqual([]);
      expect(await tablesWith(digestOf(file))).toEqual([]);
    }
    const result = await send(file);
    expect(await tablesWith(digestOf(file))).toEqual(STORED_IN);
    expect(result).toMatchObject({ packets: PACKETS, stored: result.sections });
    expect((await stored(agent)).map(({ atNs }) => atNs)).toEqual([...readCapture(file)].map(({ atNs }) => atNs));
    expect(await flowPackets(agent)).toBe(PACKETS);
    // Nor does it do harm to what is stored.
    await expect(send(file, { content: chunksOf(wrong[2]!) })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(await send(file)).toMatchObject({ stored: 0 });
    expect(await stored(agent)).toHaveLength(PACKETS);
  });

  it('goes on under another name at the packet where a process was killed', async () => {
    const file = pcapOf(4_000_000, PACKETS);
    const agent = await leave(file, digestOf(file), 'x'.repeat(200));
    const rest = await send(file, { name: 'a' });
    expect(rest.stored).toBeLessThan(rest.sections);
    const times = (await stored(agent)).map(({ atNs }) => atNs);
    expect(times).toEqual([...readCapture(file)].map(({ atNs }) => atNs));
    expect(await flowPackets(agent)).toBe(PACKETS);
  });

  it('replaces what a process that was killed left of another file', async () => {
    const file = pcapOf(5_000_000, PACKETS);
    const agent = await leave(pcapOf(6_000_000, PACKETS), digestOf(file));
    await expect(send(file)).rejects.toMatchObject({ code: 'IDENTITY_CONFLICT' });
    const result = await send(file);
    expect(result.stored).toBe(result.sections);
    expect((await stored(agent)).map(({ atNs }) => atNs)).toEqual([...readCapture(file)].map(({ atNs }) => atNs));
    expect(await flowPackets(agent)).toBe(PACKETS);
  });

  it('keeps the account of a file when a longer body comes under its digest', async () => {
    const file = pcapOf(10_000_000, PACKETS);
    const longer = Buffer.concat([file, pcapOf(9_000_000, PACKETS).subarray(24)]);
    const { agent } = await send(file);
    const before = await account(agent);
    expect(before).toMatchObject({ packetsStored: PACKETS, sectionsMissing: 0 });
    const refused = send(file, { content: chunksOf(longer) });
    await expect(refused).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(await account(agent)).toEqual(before);
    // Left by a process that was killed, it is found when the file comes again.
    await leave(longer, digestOf(file));
    expect(await account(agent)).not.toEqual(before);
    expect(await send(file)).toMatchObject({ stored: 0 });
    expect(await account(agent)).toEqual(before);
    expect(await stored(agent)).toHaveLength(PACKETS);
    expect(await flowPackets(agent)).toBe(PACKETS);
  });

  it('stores again what retention has given up, and counts its flows once', async () => {
    const file = pcapOf(7_000_000, PACKETS);
    const { agent, sections } = await send(file);
    // As its partition goes: from the ranges, which questions go by, first, and then the table.
    const log = `import ${digestOf(file)}`;
    await analytics.pool.query('DELETE FROM analytics.partition_range WHERE log = $1', [log]);
    expect(await send(file)).toMatchObject({ sections, stored: sections });
    await analytics.pool.query('DELETE FROM analytics.section WHERE agent = $1', [agent]);
    // One that is refused meanwhile does not take with it what is known of the flows.
    const wrong = send(file, { content: chunksOf(pcapOf(9_000_000, PACKETS)) });
    await expect(wrong).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(await send(file)).toMatchObject({ sections, stored: sections });
    const given = [3, 4, 30];
    await analytics.pool.query('DELETE FROM analytics.section WHERE agent = $1 AND seq = ANY($2)', [agent, given]);
    expect(await send(file)).toMatchObject({ sections, stored: given.length });
    expect((await stored(agent)).map(({ atNs }) => atNs)).toEqual([...readCapture(file)].map(({ atNs }) => atNs));
    expect(await flowPackets(agent)).toBe(PACKETS);
    const query = { ...range, agent };
    const { completeness } = await analytics.client.call(queryApi.listPackets, { query });
    expect(completeness).toMatchObject({ recordsQuarantined: 0, sectionsMissing: 0, packetsMissing: 0 });
  });

  it('says no more that its packets are given up, as soon as all of them are stored again', async () => {
    const file = pcapOf(11_000_000, PACKETS);
    const { agent, sections } = await send(file);
    const isGone = async () => {
      const { completeness } = await analytics.client.call(queryApi.listPackets, { query: { ...range, agent } });
      return completeness.notRetained !== undefined;
    };
    // As retention does.
    await analytics.pool.query(
      `INSERT INTO analytics.not_retained (class, ingested_from, ingested_to, agent, ts_min, ts_max, rows, bytes, reason)
       SELECT 'section', now(), now(), agent, ts_min, ts_max, 1, 1, 'age' FROM analytics.section WHERE agent = $1 AND seq = 3`,
      [agent],
    );
    await analytics.pool.query('DELETE FROM analytics.section WHERE agent = $1 AND seq IN (3, 4)', [agent]);
    expect(await isGone()).toBe(true);
    // Of another call that was as far when retention took them.
    const [imports, ingest] = [new ImportStore(analytics.pool), new IngestStore(analytics.pool)];
    const position = await ingest.takePosition(`import ${digestOf(file)}`, 0, 'other');
    await imports.settle(position, agent, (await imports.account(agent))!);
    expect(await isGone()).toBe(true);
    expect(await send(file)).toMatchObject({ sections, stored: 2 });
    expect(await isGone()).toBe(false);
  });

  it('stores what a file that ends inside a record has before it, and says where that is', async () => {
    const whole = pcapOf(8_000_000, PACKETS);
    const file = whole.subarray(0, whole.length - 5);
    const result = await send(file);
    expect(result).toMatchObject({ packets: PACKETS - 1, stored: result.sections });
    expect(result.damage).toMatch(/^capture file, byte \d+: the file ends after \d+ of \d+ bytes of a record$/);
    expect(await stored(result.agent)).toHaveLength(PACKETS - 1);
    expect(await send(file)).toEqual({ ...result, stored: 0 });
    // Damaged within: nothing says what is missing, and nothing stays.
    const broken = Buffer.from(whole);
    broken.fill(0xff, whole.length - 60_000, whole.length - 59_000);
    await expect(send(broken)).rejects.toMatchObject({ code: 'CAPTURE_FILE_CORRUPT' });
    expect(await tablesWith(digestOf(broken))).toEqual([]);
  });

  it('keeps in which direction packets went', async () => {
    const { agent } = await send(pcapngOf([1, 2, 2, 0]));
    const found = async (filter: string) => {
      const query = { ...range, agent, filter };
      const { packets, completeness } = await analytics.client.call(queryApi.listPackets, { query });
      return [packets.length, completeness.packetsUndecided];
    };
    expect(await found('inbound')).toEqual([1, 1]);
    expect(await found('outbound')).toEqual([2, 1]);
  });

  it('refuses a file that is none, and one that is not the one it is said to be', async () => {
    await expect(send(Buffer.from('not a capture file'))).rejects.toMatchObject({ code: 'CAPTURE_FILE_CORRUPT' });
    // What is wrong is seen at its begin: it is told although most of the file was not sent yet.
    await expect(send(Buffer.alloc(30 * 1024 * 1024, 'x'))).rejects.toMatchObject({ code: 'CAPTURE_FILE_CORRUPT' });
    const wrong = { digest: digestOf(Buffer.from('other')) };
    await expect(send(pcapOf(5, 10), wrong)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await expect(send(pcapOf(5, 10), { digest: 'md5:1' })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });
});
