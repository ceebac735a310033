import { BpfleetError } from '@bpfleet/errors';
import type { StoredSection } from '../spool/section-store.js';
import { SegmentWriter } from '../spool/segment-writer.js';
import type { SectionSink } from './sections/section-sink.js';
import { SpoolSink } from './sections/spool-sink.js';
import type { CaptureRun, SourceEvents } from './sources/packet-source.js';

export interface LocalSink extends SectionSink {
  again(section: StoredSection): void;
  close(): void;
}

/** The spool for sources that run in the main thread. */
export function localSink(run: CaptureRun, events: SourceEvents): LocalSink {
  const segments = new SegmentWriter({ folder: run.spoolFolder, firstSegment: run.firstSegment });
  const sink = new SpoolSink(
    { ...run, nowMs: () => run.bootTimeOriginMs + performance.now() },
    segments,
    () => events.spooled(),
    (header, bytes, error: BpfleetError) => events.refused(header, bytes, error),
  );
  return {
    write: (section) => sink.write(section),
    again: ({ header, bytes }) => sink.again(header, bytes),
    close: () => segments.close(),
  };
}
