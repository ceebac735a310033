import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aHeader, aSection, nodeCalls, systemError } from './contract-tests/records.js';
import { walkRecords } from './record.js';
import { markIn } from './segment-mark.js';
import { type SegmentCalls, SegmentWriter } from './segment-writer.js';

describe('SegmentWriter', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-spool-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const writer = (calls: Partial<SegmentCalls> = {}, segmentBytes = 1000) =>
    new SegmentWriter({ folder, firstSegment: 5, segmentBytes }, { ...nodeCalls, ...calls });
  const append = (to: SegmentWriter, seq: number, bytes = 400) => {
    const section = aSection(seq, bytes);
    return to.append(aHeader(seq, section), section);
  };
  const seqsIn = (name: string) => {
    const bytes = readFileSync(join(folder, name));
    const found = [...walkRecords(bytes, markIn(bytes) ?? 0, { isEnd: true })];
    return found.map((item) => (item.kind === 'record' ? item.header.seq : item.kind));
  };

  it('appends records one behind the other and says where they are', () => {
    const spool = writer({}, 1 << 20);
    const first = append(spool, 0);
    const second = append(spool, 1);
    spool.close();
    expect(first).toMatchObject({ segment: 5, start: 0 });
    expect(second).toMatchObject({ segment: 5, start: first.end });
    expect(statSync(join(folder, '00000005.seg'))).toMatchObject({ size: second.end });
    expect(seqsIn('00000005.seg')).toEqual([0, 1]);
  });

  it('begins a segment when the one before is full, readable by its owner alone', () => {
    const spool = writer();
    for (let seq = 0; seq < 4; seq++) append(spool, seq, 900);
    expect(readdirSync(folder).map((name) => [name, seqsIn(name)])).toEqual([
      ['00000005.seg', [0]],
      ['00000006.seg', [1]],
      ['00000007.seg', [2]],
      ['00000008.seg', [3]],
    ]);
    expect(statSync(join(folder, '00000005.seg')).mode & 0o777).toBe(0o600);
  });

  it('makes one system call per record', () => {
    let calls = 0;
    const spool = writer({
      writev: (...call) => {
        calls++;
        return nodeCalls.writev(...call);
      },
    });
    append(spool, 0);
    append(spool, 1);
    expect(calls).toBe(2);
  });

  it('writes the rest when the system took a part', () => {
    const spool = writer({
      writev: (fd, parts, at) => nodeCalls.writev(fd, [parts[0]!.subarray(0, Math.min(parts[0]!.length, 33))], at),
    });
    append(spool, 0);
    append(spool, 1);
    expect(seqsIn('00000005.seg')).toEqual([0, 1]);
  });

  it.each(['ENOSPC', 'EROFS', 'EIO', 'EDQUOT'])('keeps what was whole when a record meets %s half way', (code) => {
    let room = 700;
    const spool = writer({
      writev: (fd, parts, at) => {
        if (room === 0) throw systemError(code);
        const bytes = Buffer.concat(parts).subarray(0, room);
        room -= bytes.length;
        return nodeCalls.writev(fd, [bytes], at);
      },
    });
    append(spool, 0, 100);
    expect(() => append(spool, 1)).toThrow(expect.objectContaining({ code: 'DATA_NOT_WRITABLE' }));
    expect(seqsIn('00000005.seg')).toEqual([0]);
    room = 100_000;
    append(spool, 2);
    expect(seqsIn('00000006.seg')).toEqual([2]);
  });

  it('tries the same file again on a full disk, under the same mark, and leaves none without a record', () => {
    let room = 50;
    const spool = writer({
      writev: (fd, parts, at) => {
        if (room === 0) throw systemError('ENOSPC');
        const bytes = Buffer.concat(parts).subarray(0, room);
        room -= bytes.length;
        return nodeCalls.writev(fd, [bytes], at);
      },
      truncate: (fd, length) => {
        seen.push(markAt(join(folder, '00000005.seg')));
        nodeCalls.truncate(fd, length);
      },
    });
    const seen: string[] = [];
    for (let seq = 0; seq < 3; seq++) expect(() => append(spool, seq)).toThrow(/takes no sections/);
    expect(statSync(join(folder, '00000005.seg')).size).toBe(0);
    room = 1000;
    expect(append(spool, 3)).toMatchObject({ segment: 5, start: 0 });
    expect(markAt(join(folder, '00000005.seg'))).toBe(seen[0]);
    expect(seqsIn('00000005.seg')).toEqual([3]);

    room = 0;
    const next = new SegmentWriter({ folder, firstSegment: 6 }, { ...nodeCalls, writev: () => fail('ENOSPC') });
    expect(() => append(next, 4)).toThrow(/takes no sections/);
    next.close();
    expect(readdirSync(folder)).toEqual(['00000005.seg']);
    expect(next.nextSegment).toBe(6);
  });

  it.each([
    ['its file cannot be made empty', 'truncate'],
    ['its empty file cannot be removed', 'remove'],
  ] as const)('goes on to the next number when %s', (_, call) => {
    const spool = writer({ writev: () => fail('EIO'), [call]: () => fail('EIO') });
    expect(() => append(spool, 0)).toThrow(/takes no sections/);
    spool.close();
    expect(spool.nextSegment).toBe(6);
  });

  it.each([
    ['deleted', rmSync],
    ['cut short', (path: string) => truncateSync(path, 100)],
  ])('begins a segment when the one before was %s, and looks for that each 10 ms', (_, harm) => {
    let [nowMs, looks] = [0, 0];
    const stat = (fd: number) => {
      looks++;
      return nodeCalls.stat(fd);
    };
    const options = { folder, firstSegment: 5, segmentBytes: 1 << 20, nowMs: () => nowMs };
    const spool = new SegmentWriter(options, { ...nodeCalls, stat });
    for (; nowMs < 20; nowMs++) append(spool, nowMs);
    expect(looks).toBe(1);
    harm(join(folder, '00000005.seg'));
    expect(append(spool, 20)).toMatchObject({ segment: 6, start: 0 });
    nowMs += 9;
    append(spool, 21);
    nowMs += 1;
    expect(append(spool, 22)).toMatchObject({ segment: 6 });
    spool.close();
    expect(seqsIn('00000006.seg')).toEqual([20, 21, 22]);
  });

  it('closes every file it opened', () => {
    let open = 0;
    const spool = writer({
      create: (path) => {
        open++;
        return nodeCalls.create(path);
      },
      close: (fd) => {
        open--;
        nodeCalls.close(fd);
      },
      writev: (fd, parts, at) => {
        if (open === 1 && at > 500) throw systemError('EIO');
        return nodeCalls.writev(fd, parts, at);
      },
    });
    let refused = 0;
    for (let seq = 0; seq < 6; seq++) {
      try {
        append(spool, seq, 600);
      } catch (error) {
        expect(error).toMatchObject({ code: 'DATA_NOT_WRITABLE' });
        refused++;
      }
    }
    spool.close();
    spool.close();
    expect(refused).toBeGreaterThan(0);
    expect(open).toBe(0);
  });
});

/** Of a record that may not be whole. */
const markAt = (path: string): string => readFileSync(path).toString('hex', 4, 8);

function fail(code: string): never {
  throw systemError(code);
}
