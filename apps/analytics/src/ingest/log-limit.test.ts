import { describe, expect, it } from 'vitest';
import { LogLimit } from './log-limit.js';

describe('LogLimit', () => {
  it('passes one line of each kind per interval and tells how many it left out', () => {
    let nowMs = 0;
    const limit = new LogLimit(1000, () => nowMs);
    const lines: string[] = [];
    const log = (kind: string) => limit.pass(kind, (suppressed) => lines.push(`${kind} ${suppressed}`));
    for (const atMs of [0, 10, 20, 999, 1000, 1001, 5000]) {
      nowMs = atMs;
      log('a');
      if (atMs === 10) log('b');
    }
    expect(lines).toEqual(['a 0', 'b 0', 'a 3', 'a 1']);
  });
});
