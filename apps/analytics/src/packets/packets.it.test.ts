import { get, type IncomingMessage } from 'node:http';
import { InProcessBus, type Producer } from '@bpfleet/bus';
import {
  COMPLETENESS_TRAILER,
  Completeness,
  formatInstantNs,
  type PacketQuery,
  Problem,
  packetMediaTypes,
  packetsTopic,
  queryApi,
} from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { readCapture } from '@bpfleet/section';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migratedDatabase, RunningAnalytics } from '../testing/running-analytics.js';
import { busRecord, makeSection, type SectionShape, type TestPacket, tcpFrame } from '../testing/sections.js';

/** As much of it as is looked at. */
interface OpenApiDocument {
  readonly paths: Record<
    string,
    { readonly get: { readonly responses: { readonly 200: { readonly content: object } } } }
  >;
}
const { json, ndjson, pcapng, pcap } = packetMediaTypes;
const SECOND_NS = 1_000_000_000n;

suiteRequires('GET /api/v1/packets', { postgres: await postgres() }, ({ postgres: { connection } }) => {
  let database: TestDatabase;
  let analytics: RunningAnalytics;
  let producer: Producer;
  const startNs = BigInt(Date.now() - 60_000) * 1_000_000n;
  const sent: { readonly agent: string; readonly packet: TestPacket }[] = [];
  const portOf = ({ bytes }: TestPacket): number => new DataView(bytes.buffer).getUint16(36);

  beforeAll(async () => {
    database = await createDatabase(connection, migratedDatabase);
    const bus = new InProcessBus();
    analytics = await new RunningAnalytics(database.connection, bus, { partitions: 2 }).start();
    producer = bus.producer();
    await producer.start();
    // Two agents at the same time, their packets interleaved; each frame has bytes of its own.
    for (let seq = 0; seq < 20; seq++) {
      for (const [index, agent] of ['host-1', 'host-2'].entries()) {
        const packets = Array.from({ length: 10 }, (_, n) => ({
          atNs: startNs + BigInt(seq) * SECOND_NS + BigInt(n) * 100_000_000n + BigInt(index),
          bytes: tcpFrame(1000 * seq + 10 * n + index, n % 2 === 0 ? 80 : 53),
        }));
        await store({ agent, epoch: 1, seq, filter: 'web@3', packets });
      }
    }
  });
  afterAll(async () => {
    await producer?.stop();
    await analytics?.stop();
    await database?.drop();
  });

  async function store(shape: SectionShape): Promise<void> {
    const section = makeSection(shape);
    for (const packet of section.packets) sent.push({ agent: shape.agent, packet });
    await producer.send(packetsTopic(), [busRecord(section)], 30_000);
  }
  const inOrder = (isAsked: (one: (typeof sent)[number]) => boolean = () => true) =>
    sent.filter(isAsked).toSorted((a, b) => Number(a.packet.atNs - b.packet.atNs));

  function request(query: Partial<PacketQuery>, accept?: string): Promise<IncomingMessage> {
    const search = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    );
    return new Promise((resolve, reject) => {
      const headers = accept === undefined ? {} : { accept };
      get(`${analytics.url}${queryApi.listPackets.path}?${search}`, { headers }, resolve).on('error', reject);
    });
  }
  async function whole(query: Partial<PacketQuery>, accept?: string) {
    const response = await request(query, accept);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return {
      status: response.statusCode,
      headers: response.headers,
      trailers: response.trailers,
      bytes: Buffer.concat(chunks),
    };
  }
  const rows = (query: Partial<PacketQuery>) => analytics.client.call(queryApi.listPackets, { query });
  async function problem(query: Partial<PacketQuery>, accept?: string) {
    const { status, headers, bytes } = await whole(query, accept);
    expect(headers['content-type']).toContain('application/problem+json');
    const answer = Problem.parse(JSON.parse(bytes.toString()));
    expect(answer.status).toBe(status);
    return answer;
  }

  it('answers the newest matching packets as JSON', async () => {
    const { packets, completeness } = await rows({ filter: 'tcp port 80', limit: 7 });
    const newest = inOrder(({ packet }) => portOf(packet) === 80).slice(-7);
    expect(packets).toHaveLength(7);
    expect(packets.map(({ at }) => at)).toEqual(newest.map(({ packet }) => formatInstantNs(packet.atNs)).toReversed());
    expect(completeness).toMatchObject({ packetsUndecided: 0, recordsQuarantined: 0, rangeScanned: false });
  });
  it('answers one packet in full by the id of its row', async () => {
    const [row] = (await rows({ filter: 'tcp port 80', limit: 1 })).packets;
    const detail = await analytics.client.call(queryApi.getPacket, { path: { id: row!.id }, query: {} });
    expect(detail).toMatchObject(row!);
    expect(detail.layers.map(({ name }) => name)).toEqual(['eth', 'ip', 'tcp', 'data']);
    const newest = inOrder(({ packet }) => portOf(packet) === 80).at(-1)!;
    expect(detail.hex).toBe(Buffer.from(newest.packet.bytes).toString('hex'));
    const missing = analytics.client.call(queryApi.getPacket, { path: { id: `${row!.agent}.1.999.0` }, query: {} });
    await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
  it('is JSON when nothing else is asked for', async () => {
    for (const accept of [undefined, '*/*', 'text/html, */*;q=0.1']) {
      const { headers, bytes } = await whole({ limit: 1 }, accept);
      expect(headers['content-type']).toContain(json);
      expect(JSON.parse(bytes.toString()).packets).toHaveLength(1);
    }
  });
  it('answers NDJSON as one row per line, and the completeness', async () => {
    const { headers, bytes } = await whole({ limit: 1000 }, ndjson);
    expect(headers['content-type']).toBe(ndjson);
    const lines = bytes
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(sent.length + 1);
    expect(Completeness.parse(lines.at(-1).completeness).packetsScanned).toBe(sent.length);
  });
  it.each([pcapng, pcap])('gives every packet back byte for byte: %s', async (mediaType) => {
    const { headers, bytes, trailers } = await whole({}, mediaType);
    expect(headers['content-type']).toBe(mediaType);
    expect(headers['content-disposition']).toMatch(/^attachment; filename="bpfleet-\d{8}T\d{6}Z\.pcap(ng)?"$/);
    const captured = [...readCapture(bytes)];
    const expected = inOrder();
    expect(captured.map(({ atNs }) => atNs)).toEqual(expected.map(({ packet }) => packet.atNs));
    expect(captured.every(({ bytes: one }, index) => Buffer.compare(one, expected[index]!.packet.bytes) === 0)).toBe(
      true,
    );
    const completeness = Completeness.parse(JSON.parse(trailers[COMPLETENESS_TRAILER.toLowerCase()]!));
    expect(completeness).toMatchObject({ packetsScanned: sent.length, rangeScanned: true });
  });
  it('writes the newest packets of a filter with a limit', async () => {
    const { bytes } = await whole({ filter: 'port 53', agent: 'host-2', limit: 12 }, pcapng);
    const expected = inOrder(({ agent, packet }) => agent === 'host-2' && portOf(packet) === 53)
      .slice(-12)
      .map(({ packet }) => packet.atNs);
    expect([...readCapture(bytes)].map(({ atNs }) => atNs)).toEqual(expected);
  });
  it('tells where an expression is wrong', async () => {
    expect(await problem({ filter: 'tcp prt 80' }, pcapng)).toMatchObject({
      status: 422,
      code: 'FILTER_SYNTAX',
      span: { start: 4, end: 7 },
    });
  });
  it.each([
    ['an unknown parameter', { limmit: 5 } as Partial<PacketQuery>, undefined],
    ['a time that is none', { since: 'yesterday' }, undefined],
    ['JSON without a limit', { limit: 0 }, json],
    ['pcap of several link types', { mixed: 'true' } as Partial<PacketQuery>, pcap],
    ['a mixed that is neither', { mixed: 'yes' } as unknown as Partial<PacketQuery>, pcapng],
    ['a form nobody makes', {}, 'image/png'],
  ])('refuses %s', async (_name, query, accept) => {
    expect(await problem(query, accept)).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  });

  it('goes on after a receiver that hangs up', async () => {
    for (let n = 0; n < 5; n++) {
      const response = await request({ limit: 0 }, pcapng);
      response.destroy();
      await new Promise((resolve) => response.once('close', resolve));
    }
    await expect.poll(() => analytics.queryPool.totalCount - analytics.queryPool.idleCount).toBe(0);
    expect((await rows({ limit: 1 })).packets).toHaveLength(1);
  });
  it('counts what it cannot decide, and never answers it', async () => {
    const packets = [{ atNs: startNs - SECOND_NS, bytes: tcpFrame(1, 80), capturedLength: 30 }];
    await store({ agent: 'cut', epoch: 1, seq: 0, filter: 'heads@1', packets });
    const { packets: found, completeness } = await rows({ filter: 'tcp port 80', agent: 'cut' });
    expect(found).toEqual([]);
    expect(completeness).toMatchObject({ packetsScanned: 1, packetsUndecided: 1 });
    expect((await rows({ filter: 'ip', version: 'heads' })).packets).toMatchObject([{ capturedBytes: 30 }]);
  });
  it('refuses a file of several link types and names them', async () => {
    const packets = [{ atNs: startNs - 2n * SECOND_NS, bytes: new Uint8Array(40) }];
    await store({ agent: 'other', epoch: 1, seq: 0, filter: 'any@1', linkType: LinkType.LINUX_SLL2, packets });
    expect(await problem({}, pcapng)).toMatchObject({
      status: 409,
      code: 'SEVERAL_LINK_TYPES',
      detail: expect.stringContaining('EN10MB, LINUX_SLL2'),
    });
    const { bytes } = await whole({ linktype: 'LINUX_SLL2' }, pcapng);
    expect([...readCapture(bytes)]).toMatchObject([{ linkType: LinkType.LINUX_SLL2 }]);
    const mixed = await whole({ mixed: 'true' }, pcapng);
    expect(new Set([...readCapture(mixed.bytes)].map(({ linkType }) => linkType))).toEqual(
      new Set([LinkType.EN10MB, LinkType.LINUX_SLL2]),
    );
  });
  it('serves its document, its metrics and its health', async () => {
    const document = (await (await fetch(`${analytics.url}/openapi.json`)).json()) as OpenApiDocument;
    expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(['/api/v1/packets', '/api/v1/packets/{id}']));
    const answers = document.paths['/api/v1/packets']!.get.responses['200'].content;
    expect(Object.keys(answers)).toEqual([json, ndjson, pcapng, pcap]);
    expect(await (await fetch(`${analytics.url}/metrics`)).text()).toMatch(/^bpfleet_ingest_sections_total \d+$/m);
    expect((await fetch(`${analytics.url}/healthz/ready`)).status).toBe(200);
  });
  it('cancels a query in Postgres when who asked has gone', async () => {
    // As slow as an index over more sections than anybody has.
    await analytics.pool.query(`
      CREATE OR REPLACE FUNCTION analytics.bloom_has(bloom bytea, a integer, b integer, c integer, d integer, e integer,
        f integer, g integer) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN true; END'`);
    const running = async () => {
      const { rows: found } = await analytics.pool.query(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE 'COPY (%'`,
      );
      return found.length;
    };
    const search = new URLSearchParams({ filter: 'host 10.0.0.1', version: 'web' });
    const asking = get(`${analytics.url}${queryApi.listPackets.path}?${search}`).on('error', () => {});
    await expect.poll(running).toBe(1);
    asking.destroy();
    await expect.poll(running).toBe(0);
    await expect.poll(() => analytics.queryPool.totalCount - analytics.queryPool.idleCount).toBe(0);
  });
});
