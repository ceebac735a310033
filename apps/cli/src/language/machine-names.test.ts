import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { machineNames } from './machine-names.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bpfleet-names-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('reads services and protocols with their aliases, and leaves comments out', async () => {
  await writeFile(
    join(folder, 'services'),
    '# a comment\nweb 80/tcp www # and one\nweb 80/udp\nodd 7/tcp\nodd 8/udp\nddp-thing 1/ddp\n',
  );
  await writeFile(join(folder, 'protocols'), 'ospf 89 OSPFIGP\nbroken x\n');
  expect(await machineNames(folder)).toEqual({
    services: {
      web: { port: 80, protocols: ['tcp', 'udp'] },
      www: { port: 80, protocols: ['tcp'] },
      odd: { port: 7, protocols: ['tcp'] },
    },
    protocols: { ospf: 89, ospfigp: 89 },
  });
});

it('does without the files', async () => {
  expect(await machineNames(join(folder, 'none'))).toEqual({ services: {}, protocols: {} });
});
