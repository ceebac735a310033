import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAX_FRAME_BYTES } from '../border/framing.js';
import { encodeMessage } from '../border/messages.js';
import { testOpenerOptions } from '../testing/opener-options.js';
import { SigningService } from '../testing/signing-service.js';
import { Opener } from './opener.js';

/** With the ten filters below, more states than a message has room for. */
const INTERFACES = 10_000;

let folder: string;
let opener: Opener;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bpfleet-many-'));
  opener = new Opener({
    ...testOpenerOptions(folder, { onFatal: (error) => expect.unreachable(String(error)) }),
    opensSockets: false,
    interfaces: () =>
      Array.from({ length: INTERFACES }, (_, index) => ({ name: `veth${index}`, index, linkType: 'EN10MB', up: true })),
  });
  await opener.start(() => {});
});
afterEach(async () => {
  await opener.stop();
  rmSync(folder, { recursive: true });
});

it('an opener says of the states no more than a message has room for', async () => {
  const service = new SigningService('agent-1');
  await opener.pin([service.key.publicKey]);
  const filters = Array.from({ length: 10 }, (_, index) => ({
    filter: `f${index}`,
    version: 1,
    expression: 'tcp port 80',
  }));
  const { outcomes } = await opener.desire(service.desire(filters));
  expect(encodeMessage({ outcomes }).length).toBeLessThan(MAX_FRAME_BYTES);
  const attested = await opener.attest();
  expect(attested.outcomes.length).toBeGreaterThan(8192);
  expect(encodeMessage(attested).length).toBeLessThan(MAX_FRAME_BYTES);
});
