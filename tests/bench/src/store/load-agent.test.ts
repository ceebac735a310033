import { readSection } from '@bpfleet/section';
import { expect, it } from 'vitest';
import { LoadAgent } from './load-agent.js';

const FRAME = new Uint8Array(60);

it('tells in each section what an agent tells: how many packets it has captured, and kept, since it began', () => {
  const agent = new LoadAgent('bench-0', 1);
  const ledgers = [2, 3].map((packets) => {
    for (let packet = 0; packet < packets; packet++)
      agent.writer.append(agent.interfaceId, packet, 0, FRAME, 0, FRAME.byteLength, FRAME.byteLength, undefined, 0);
    return readSection(agent.finish().value).ledger;
  });
  expect(ledgers).toEqual([
    { captured: '2', kept: '2' },
    { captured: '5', kept: '5' },
  ]);
});
