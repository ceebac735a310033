import { describe, expect, it } from 'vitest';
import type { PlannedMember } from './kernel-program.js';
import { haveFilterInCommon, isSameForReader, type SocketWish, unionOf } from './socket-wish.js';

const member = (filter: string, linkType: string) =>
  ({ captured: { filter, digest: filter }, source: { linkType } }) as unknown as PlannedMember;

/** Filters on one interface of a shared socket. */
const on = (linkType: string, ...filters: string[]): SocketWish => ({
  ...{ key: 'all raw linked', isShared: true, cooked: false, isOwnSocket: false },
  branches: [
    {
      interfaces: [{ name: 'eth1', index: 1, linkType, cooked: false }],
      members: filters.map((filter) => member(filter, linkType)),
      context: { linkType, excluded: [], linkerVersion: 1 },
    },
  ],
});

describe('what runs on an interface', () => {
  it('is the same for a reader under the same link type alone', () => {
    expect(isSameForReader(on('RAW', 'a'), on('RAW', 'a'))).toBe(true);
    expect(isSameForReader(on('RAW', 'a'), on('EN10MB', 'a'))).toBe(false);
  });

  it('is what either side has, in the form that the interface has now', () => {
    expect(unionOf(on('RAW', 'a'), on('RAW', 'b'))).toEqual(on('RAW', 'a', 'b').branches);
    expect(unionOf(on('RAW', 'a', 'c'), on('EN10MB', 'a', 'b'))).toEqual(on('EN10MB', 'a', 'b').branches);
  });

  it('has no packets in common with what ran under another link type', () => {
    expect(haveFilterInCommon(on('RAW', 'a'), on('RAW', 'a', 'b'))).toBe(true);
    expect(haveFilterInCommon(on('RAW', 'a'), on('EN10MB', 'a'))).toBe(false);
  });
});
