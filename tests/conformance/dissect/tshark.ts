import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { writePcapHeader, writePcapPacket } from '@bpfleet/section';
import type { Frame } from './frames.js';

/** A field as tshark shows it. */
export interface TheirField {
  readonly name: string;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly show: string;
}

/** What tshark says of one packet, in its order, with what it only filters by and does not show. */
export interface TheirPacket {
  readonly layers: readonly string[];
  readonly fields: readonly TheirField[];
}

/** Each packet for itself: what tshark would put together from several, or remember of those before, is not compared. */
const ALONE = [
  'ip.defragment:FALSE',
  'ipv6.defragment:FALSE',
  'tcp.desegment_tcp_streams:FALSE',
  'tcp.analyze_sequence_numbers:FALSE',
  'tcp.relative_sequence_numbers:FALSE',
  'tls.desegment_ssl_records:FALSE',
  'http.desegment_headers:FALSE',
  'http.desegment_body:FALSE',
  'dns.desegment_dns_messages:FALSE',
  'icmp.favor_icmp_mpls:FALSE',
].flatMap((preference) => ['-o', preference]);
/** Takes one of some hundred random trailers for its own. */
const GUESSES = ['--disable-protocol', 'vssmonitoring'];

/** Asks tshark about frames of one link type; answers come one by one, in order. */
export async function* askTshark(frames: readonly Frame[], linkType: number): AsyncGenerator<TheirPacket, void, void> {
  const folder = mkdtempSync(join(tmpdir(), 'bpfleet-dissect-'));
  try {
    const file = join(folder, 'frames.pcap');
    writeFileSync(file, captureFile(frames, linkType));
    const tshark = spawn('tshark', ['-n', '-r', file, '-T', 'pdml', ...ALONE, ...GUESSES], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = new Promise<number | null>((resolve) => tshark.once('close', resolve));
    let lines: string[] = [];
    for await (const line of createInterface({ input: tshark.stdout })) {
      if (line === '<packet>') lines = [];
      else if (line === '</packet>') yield readPacket(lines.join('\n'));
      else lines.push(line);
    }
    const status = await ended;
    if (status !== 0) throw new Error(`tshark ended with ${status}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every field that the installed tshark can show or filter by. */
export function knownFields(): ReadonlySet<string> {
  const { stdout } = spawnSync('tshark', ['-G', 'fields'], { encoding: 'utf8', maxBuffer: 256 << 20 });
  const lines = stdout.split('\n').filter((line) => line.startsWith('F\t'));
  return new Set(lines.map((line) => line.split('\t')[2]!));
}

/** Kernels keep the frame check sequence to themselves; without this word tshark guesses (draft-ietf-opsawg-pcap, 4). */
const NO_CHECK_SEQUENCE = 0x0400_0000;

function captureFile(frames: readonly Frame[], linkType: number): Uint8Array {
  const packets = frames.map(({ bytes, wireLength }, i) =>
    writePcapPacket(bytes, {
      atNs: 1_700_000_000_000_000_000n + BigInt(i),
      start: 0,
      capturedLength: bytes.length,
      wireLength,
    }),
  );
  return Buffer.concat([writePcapHeader((linkType | NO_CHECK_SEQUENCE) >>> 0), ...packets]);
}

/** PDML: `proto` is a layer, and a field when inside of one; `field` without a name only groups. */
function readPacket(pdml: string): TheirPacket {
  const layers: string[] = [];
  const fields: TheirField[] = [];
  let isInExpert = false;
  for (const [, tag, attributes] of pdml.matchAll(/<(proto|field) ([^>]*)>/g)) {
    const read = new Map([...attributes!.matchAll(/([a-z]+)="([^"]*)"/g)].map((match) => [match[1]!, match[2]!]));
    const name = read.get('name') ?? '';
    // What tshark thinks of the packet, and is no field of it: each judgement has a name of its own.
    const isJudgement = isInExpert || name.startsWith('_ws.expert');
    isInExpert = name === '_ws.expert';
    if (isJudgement || OUTSIDE.includes(name) || name.startsWith('frame.')) continue;
    if (tag === 'proto' || name === 'data') layers.push(name);
    else if (name !== '') {
      fields.push({
        name,
        offset: Number(read.get('pos')),
        lengthBytes: Number(read.get('size')),
        show: unescapeXml(read.get('show') ?? ''),
      });
    }
  }
  return { layers, fields };
}

/** `raw` stands for a link type without a header. */
const OUTSIDE = ['geninfo', 'frame', 'raw', 'fake-field-wrapper', 'num', 'len', 'caplen', 'timestamp'];
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&', '#x27': "'", apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&([a-z0-9#]+);/g, (whole, entity: string) => ENTITIES[entity] ?? whole);
}
