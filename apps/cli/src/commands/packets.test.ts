import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PacketRow } from '@bpfleet/contract';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeFleet } from '../fakes/fake-fleet.js';
import { runCommand } from '../fakes/fake-terminal.js';

let fleet: FakeFleet;
let server: string;
beforeEach(async () => {
  fleet = new FakeFleet();
  server = await fleet.start();
  fleet.answer = { packets: [packet(2), packet(1)], completeness };
});
afterEach(() => fleet.stop());

const completeness = {
  sectionsScanned: 3,
  sectionsPruned: 0,
  packetsScanned: 40,
  packetsUndecided: 0,
  recordsQuarantined: 0,
  droppedByKernel: 0,
  lostByAgents: 0,
  leftOutByAgents: 0,
  sectionsMissing: 0,
  packetsMissing: 0,
  recordsLost: 0,
  rangeScanned: true,
};
const packet = (second: number): PacketRow => ({
  id: `host-1.1.1.${second}`,
  at: `2026-11-22T10:00:0${second}.000000001Z`,
  agent: 'host-1',
  interface: 'eth0',
  filters: ['web@3'],
  linkType: 'EN10MB',
  lengthBytes: 74,
  capturedBytes: 74,
  protocol: 'tcp',
  summary: `IP 10.0.0.1.${second} > 10.0.0.2.443: tcp`,
});
const packets = (args: string[], surroundings = {}) =>
  runCommand(['packets', ...args], {
    env: { BPFLEET_SERVER: 'http://127.0.0.1:1', BPFLEET_ANALYTICS_SERVER: server },
    ...surroundings,
  });

describe('packets', () => {
  it('shows the oldest first and says beside the table how complete the answer is', async () => {
    const { code, out, err } = await packets(['tcp port 443']);
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'TIME                            AGENT   INTERFACE  FILTERS  LENGTH  PACKET',
      '2026-11-22T10:00:01.000000001Z  host-1  eth0       web@3        74  IP 10.0.0.1.1 > 10.0.0.2.443: tcp',
      '2026-11-22T10:00:02.000000001Z  host-1  eth0       web@3        74  IP 10.0.0.1.2 > 10.0.0.2.443: tcp',
      '',
    ]);
    expect(err).toBe('2 packets of 40 scanned in 3 sections\n');
  });

  it('asks for what the options say', async () => {
    await packets([
      'tcp',
      'port',
      '443',
      '--since',
      '10m',
      '--until',
      'now',
      '-n',
      '5',
      '--agent',
      'host-1',
      '--version',
      'web@3',
      '--timeout',
      '20',
    ]);
    expect(fleet.requests).toEqual([
      'GET /api/v1/packets?filter=tcp+port+443&since=10m&until=now&limit=5&agent=host-1&version=web@3&timeoutMs=20000',
    ]);
  });

  it('names each gap of the answer', async () => {
    fleet.answer = {
      packets: [],
      completeness: {
        ...completeness,
        packetsUndecided: 1,
        recordsQuarantined: 2,
        droppedByKernel: 3,
        lostByAgents: 4,
        leftOutByAgents: 9,
        sectionsMissing: 5,
        sectionsPruned: 9,
        packetsMissing: 60,
        recordsLost: 7,
        rangeScanned: false,
      },
    };
    const { out, err } = await packets([]);
    expect(out).toBe('');
    expect(err).toBe(
      '0 packets of 40 scanned in 3 sections, 9 others left out by their index; 1 undecided, cut off by a snaplen, of a link type that filters do not know, or of an unknown direction; 2 records in quarantine; ' +
        "3 dropped by the agents' kernels; 4 lost when agents were killed; 9 sampled out or over a budget; at least 5 sections with 60 packets did not come; " +
        '7 records given up by Kafka; there may be more: raise --limit\n',
    );
  });

  it('names packets that did not come where nobody said in how many sections they were', async () => {
    fleet.answer = { packets: [], completeness: { ...completeness, packetsMissing: 60 } };
    expect((await packets([])).err).toMatch(/; 60 packets did not come\n$/);
  });

  it('ends lines at the edge of a terminal, with bold titles unless NO_COLOR is set', async () => {
    const { out } = await packets(['tcp'], { columns: 50 });
    expect(out.startsWith('\u001b[1mTIME')).toBe(true);
    expect(out.split('\n')[1]).toHaveLength(50);
    const env = { BPFLEET_ANALYTICS_SERVER: server, NO_COLOR: '1' };
    expect((await packets(['tcp'], { columns: 50, env })).out).not.toContain('\u001b');
  });

  it('prints the answer in the shape of the API', async () => {
    const { out } = await packets(['tcp', '-o', 'json']);
    expect(JSON.parse(out)).toEqual(fleet.answer);
  });

  it('uses the one server for both when no other is named', async () => {
    const { code } = await runCommand(['--server', server, 'packets', 'tcp']);
    expect(code).toBe(0);
  });

  it('names the server that does not answer, and what to do', async () => {
    const { code, err } = await packets(['tcp', '--analytics-server', 'http://127.0.0.1:1']);
    expect(code).toBe(1);
    expect(err).toMatch(/^error: no answer from http:\/\/127\.0\.0\.1:1/);
    expect(err).toContain('hint: is it running');
  });

  it.each([
    ['a server that is no address', ['tcp', '--analytics-server', 'host-7']],
    ['a limit of 0', ['tcp', '-n', '0']],
    ['a file without a name', ['tcp', '-w', '']],
    ['a mixed answer that is no file', ['tcp', '--mixed']],
    ['a mixed file of one link type', ['tcp', '-w', 'x.pcapng', '--mixed', '--linktype', 'RAW']],
    ['a mixed file without an end', ['tcp', '-w', 'x.pcapng', '--mixed', '--follow']],
    ['an unknown option', ['tcp', '--colour']],
    ['an unknown format', ['tcp', '-o', 'xml']],
  ])('refuses %s as wrong usage', async (_, args) => {
    const { code, err } = await packets(args);
    expect(code).toBe(2);
    expect(err).toMatch(/^error: /);
    expect(fleet.requests).toEqual([]);
  });
});

describe('packets -w', () => {
  const whole = 'its packets are of 40 scanned in 3 sections';
  const folder = () => mkdtemp(join(tmpdir(), 'bpfleet-cli-'));

  it('writes a pcapng file', async () => {
    fleet.capture = { bytes: new Uint8Array(300_000).fill(7), completeness };
    const file = join(await folder(), 'x.pcapng');
    const { code, out, err } = await packets(['tcp', '-w', file]);
    expect({ code, out, err }).toEqual({ code: 0, out: '', err: `300000 bytes written to ${file}\n${whole}\n` });
    expect((await readFile(file)).equals(fleet.capture.bytes)).toBe(true);
  });

  it('writes to standard output for -', async () => {
    fleet.capture = { bytes: new Uint8Array([0, 255, 10, 13, 128]), completeness };
    const { outBytes, err } = await packets(['tcp', '-w', '-']);
    expect(new Uint8Array(outBytes)).toEqual(fleet.capture.bytes);
    expect(err).toBe(`${whole}\n`);
  });

  it('asks for a file of all link types', async () => {
    fleet.capture = { bytes: new Uint8Array(44), completeness };
    expect(await packets(['tcp', '-w', '-', '--mixed'])).toMatchObject({ code: 0 });
    expect(fleet.requests).toEqual(['GET /api/v1/packets?filter=tcp&mixed=true']);
  });

  it('says beside the file what is missing in it, and why it ended', async () => {
    const cut = { ...completeness, droppedByKernel: 4, rangeScanned: false, stoppedBy: 'time' as const };
    fleet.capture = { bytes: new Uint8Array(44), completeness: cut };
    const { code, err } = await packets(['tcp', '-w', '-']);
    expect(code).toBe(0);
    expect(err).toContain("; 4 dropped by the agents' kernels; the time was up: ask for a shorter range");
  });

  it('says that it was not told how complete the file is', async () => {
    fleet.capture = { bytes: new Uint8Array(44) };
    expect((await packets(['tcp', '-w', '-'])).err).toMatch(/^how complete it is was not told/);
  });

  it('does not write a capture to a terminal', async () => {
    const { code, out } = await packets(['tcp', '-w', '-'], { columns: 80 });
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });

  it('says that a folder is missing', async () => {
    const { code, err } = await packets(['tcp', '-w', '/nowhere/x.pcapng']);
    expect(code).toBe(1);
    expect(err).toContain('error: cannot write /nowhere/x.pcapng: ENOENT');
  });

  it('creates no file when the server refuses the expression', async () => {
    const where = await folder();
    fleet.problem = { status: 422, code: 'FILTER_SYNTAX', detail: 'expected a port', span: { start: 0, end: 3 } };
    const { code } = await packets(['tcq', '-w', join(where, 'x.pcapng')]);
    expect(code).toBe(2);
    expect(await readdir(where)).toEqual([]);
  });
});

describe('packets show', () => {
  beforeEach(() => {
    const type = { name: 'eth.type', text: 'Type: IPv4 (0x0800)', offset: 12, lengthBytes: 2, value: 0x0800 };
    const layers = [
      { name: 'eth', text: 'Ethernet', offset: 0, lengthBytes: 14, children: [type] },
      { name: '_ws.short', text: '[Internet Protocol Version 4: captured only so far]', offset: 14, lengthBytes: 0 },
    ];
    const asked = { asked: true, endsHere: false } as const;
    const terms = [
      { start: 0, end: 3, words: 'is of IP protocol UDP', verdict: 'no', ...asked },
      { start: 7, end: 14, words: 'has port 80', verdict: 'yes', ...asked },
    ] as const;
    const expression = 'udp or port 80';
    const why = [{ version: 'web@3', weight: 4, expression, verdict: 'yes' as const, terms: [...terms] }];
    fleet.packet = { ...packet(1), layers, why, hex: '00'.repeat(14) };
  });

  it('shows a packet’s row and its layers, with their places in the bytes', async () => {
    const { code, out, err } = await packets(['show', 'host-1.1.1.1']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(fleet.requests).toEqual(['GET /api/v1/packets/host-1.1.1.1']);
    expect(out.split('\n').slice(2)).toEqual([
      '',
      '   AT   BYTES  LAYERS AND FIELDS',
      '    0      14  Ethernet',
      '   12       2    Type: IPv4 (0x0800)',
      '   14       0  [Internet Protocol Version 4: captured only so far]',
      '',
      'web@3, which kept one packet of 4: udp or port 80: matches',
      '  no       udp: it is of IP protocol UDP?',
      '  yes      port 80: it has port 80?',
      '',
    ]);
  });

  it('asks for the explanation of an expression', async () => {
    await packets(['show', 'host-1.1.1.1', '--filter', 'port 443']);
    expect(fleet.requests).toEqual(['GET /api/v1/packets/host-1.1.1.1?filter=port+443']);
  });

  it('takes options of its own', async () => {
    const { out } = await packets(['show', 'host-1.1.1.1', '-o', 'json']);
    expect(JSON.parse(out)).toEqual(fleet.packet);
  });

  it('says when there is no such packet', async () => {
    fleet.packet = undefined;
    const { code, err } = await packets(['show', 'host-1.1.1.9']);
    expect(code).toBe(1);
    expect(err).toContain('packet host-1.1.1.9');
  });
});

describe('packets --follow', () => {
  const lines = (...all: unknown[]) => all.map((line) => `${JSON.stringify(line)}\n`).join('');

  it('goes on behind its last cursor where the connection breaks, and prints each packet once', async () => {
    const stop = new AbortController();
    fleet.tails.push(
      `${lines({ cursor: '1.a' }, packet(1), { cursor: '1.b' }, packet(2))}{"id":"host-1.1.1.3","a`,
      lines({ cursor: '1.b' }, packet(2), packet(3), { cursor: '1.c' }),
    );
    const running = packets(['tcp', '--follow', '--since', '10m'], { signal: stop.signal });
    await vi.waitFor(() => expect(fleet.requests).toHaveLength(3), { timeout: 10_000 });
    stop.abort();
    const { code, out } = await running;
    expect(code).toBe(0);
    expect(fleet.requests).toEqual([
      'GET /api/v1/tail?filter=tcp&since=10m',
      'GET /api/v1/tail?filter=tcp&since=10m&cursor=1.b',
      'GET /api/v1/tail?filter=tcp&since=10m&cursor=1.c',
    ]);
    expect(out.split('\n')).toEqual([
      '2026-11-22T10:00:01.000000001Z host-1 eth0 IP 10.0.0.1.1 > 10.0.0.2.443: tcp',
      '2026-11-22T10:00:02.000000001Z host-1 eth0 IP 10.0.0.1.2 > 10.0.0.2.443: tcp',
      '2026-11-22T10:00:03.000000001Z host-1 eth0 IP 10.0.0.1.3 > 10.0.0.2.443: tcp',
      '',
    ]);
  });
  it('goes on where a proxy says that the server is away, and says once that it broke', async () => {
    const stop = new AbortController();
    fleet.tails.push(lines({ cursor: '1.a' }), 502, 503, 504, lines(packet(1), { cursor: '1.b' }));
    const running = packets(['--follow'], { signal: stop.signal });
    await vi.waitFor(() => expect(fleet.requests.at(-1)).toContain('cursor=1.b'), { timeout: 20_000 });
    stop.abort();
    const { code, out, err } = await running;
    expect({ code, out }).toEqual({
      ...{ code: 0, out: '2026-11-22T10:00:01.000000001Z host-1 eth0 IP 10.0.0.1.1 > 10.0.0.2.443: tcp\n' },
    });
    // Once for each break: of five answers that ended, something came in two.
    expect(err).toBe('the connection broke; going on where it was\n'.repeat(2));
  });
  it('says what a proxy answered to the first try', async () => {
    fleet.tails.push(502);
    const { code, err } = await packets(['--follow']);
    expect(code).toBe(1);
    expect(err).toMatch(/answered 502: <h1>nobody is there<\/h1> \(SERVER_UNREACHABLE\)\nhint: /);
  });
  it('says beside the packets what is gone', async () => {
    const stop = new AbortController();
    const gap = { reason: 'not-retained', log: 'l', partition: 3, firstOffset: '2', endOffset: '5', records: '3' };
    const notRetained = [{ since: '2026-11-22T09:00:00Z', until: '2026-11-22T09:59:59Z' }];
    fleet.tails.push(lines({ notRetained }, { cursor: '1.a' }, { gap }, packet(1), { cursor: '1.b' }));
    const running = packets(['--follow', '--since', '10m'], { signal: stop.signal });
    await vi.waitFor(() => expect(fleet.requests).toHaveLength(2), { timeout: 10_000 });
    stop.abort();
    const { out, err } = await running;
    expect(out).toBe('2026-11-22T10:00:01.000000001Z host-1 eth0 IP 10.0.0.1.1 > 10.0.0.2.443: tcp\n');
    expect(err.split('\n').slice(0, 2)).toEqual([
      'from 2026-11-22T09:00:00Z to 2026-11-22T09:59:59Z not all is kept any more',
      'a gap: not-retained, up to 3 records, offsets 2 to 5 of partition 3',
    ]);
  });
  it('says of a capture that breaks off that what came is written', async () => {
    fleet.tails.push('the begin of a capture');
    const { code, out, err } = await packets(['--follow', '-w', '-']);
    expect({ code, out }).toEqual({ code: 1, out: 'the begin of a capture' });
    expect(err).toContain('error: the server ended the capture (SERVER_UNREACHABLE)\nhint: what came is written');
  });
  it('refuses an end', async () => {
    expect(await packets(['--follow', '--until', 'now'])).toMatchObject({ code: 2 });
  });
});
