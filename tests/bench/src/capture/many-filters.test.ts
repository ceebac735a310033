import { jit } from '@bpfleet/bpf';
import { compile } from '@bpfleet/pcap-filter';
import { describe, expect, it } from 'vitest';
import { fiftyFilters, mixedFrames } from './many-filters.js';

describe('mixedFrames', () => {
  const frames = mixedFrames(1);
  const matchers = fiftyFilters.map((expression) => jit(compile(expression).program));
  const matched = frames.map(
    (frame) => matchers.filter((run) => run(frame, 0, frame.length, frame.length) !== 0).length,
  );
  const shareOf = (least: number) => matched.filter((count) => count >= least).length / frames.length;

  it('is matched by one of fifty filters in 30 % of its frames, by three in 5 %', () => {
    expect([fiftyFilters.length, shareOf(1), shareOf(3)]).toEqual([50, 0.3, 0.05]);
  });

  it('is matched by the one filter in the same frames', () => {
    const one = jit(compile('ip[1] = 0x20').program);
    expect(frames.map((frame) => one(frame, 0, frame.length, frame.length) !== 0)).toEqual(
      matched.map((count) => count > 0),
    );
  });
});
