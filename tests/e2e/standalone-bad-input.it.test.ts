import { type SpawnOptions, spawn } from 'node:child_process';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { freePorts } from '@bpfleet/test-environment';
import { afterEach, describe, expect, it } from 'vitest';
import { startStandalone, withFolder } from './standalone-process.js';

type Options = Partial<Parameters<typeof startStandalone>[0]>;

const running: ReturnType<typeof startStandalone>[] = [];
afterEach(() => Promise.all(running.splice(0).map((standalone) => standalone.end('SIGKILL'))));

async function startWith(dataDir: string, options: Options = {}) {
  const [port] = await freePorts(1);
  const standalone = startStandalone({ dataDir, port: port!, ...options });
  running.push(standalone);
  return standalone;
}

/** Starts it wrongly: it must end by itself, with this code, and say this. */
async function expectRefusal(code: number, says: RegExp, dataDir: string, options: Options = {}): Promise<void> {
  const standalone = await startWith(dataDir, options);
  expect({ code: await standalone.exit(), output: standalone.output }).toEqual({
    code,
    output: expect.stringMatching(says),
  });
}

describe('npm start, used wrongly', () => {
  it('says that the port is taken, and touches no data', () =>
    withFolder(async (folder) => {
      const taker = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => taker.once('listening', resolve));
      const { port } = taker.address() as { port: number };
      const dataDir = join(folder, 'data');
      await expectRefusal(1, /port \d+ on 127\.0\.0\.1 is taken[\s\S]*--port/, dataDir, { port });
      await new Promise((resolve) => taker.close(resolve));
      await expect(mkdir(dataDir)).resolves.toBeUndefined();
    }));

  it('says that the data folder cannot be written', () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, 'file'), '');
      await expectRefusal(1, /cannot write the data folder[\s\S]*--data/, join(folder, 'file'));
    }));

  it('says that the data folder is of a newer version', () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, 'format'), '99\n');
      await expectRefusal(1, /has format 99, this bpfleet knows 1[\s\S]*newer bpfleet/, folder);
    }));

  it('says that the data folder is somebody else’s', () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, 'format'), 'garbage');
      await expectRefusal(1, /holds other files, and no data of bpfleet/, folder);
      await writeFile(join(folder, 'format'), '');
      await expectRefusal(1, /holds other files/, folder);
    }));

  it('refuses to capture nowhere', () =>
    withFolder((folder) => expectRefusal(2, /name an interface/, folder, { args: ['--interface', ','] })));

  it.runIf(process.getuid?.() === 0)('says whose the data folder is', () =>
    withFolder(async (folder) => {
      await chown(folder, 65_534, 65_534);
      await expectRefusal(1, /belongs to user 65534[\s\S]*start as user 65534/, folder);
    }),
  );

  it('lists the interfaces when it is told another', () =>
    withFolder((folder) =>
      expectRefusal(1, /no interface nosuch0 on this host[\s\S]*there are: lo/, folder, {
        args: ['--interface', 'nosuch0'],
      }),
    ));

  it('says where a broken capture file breaks', () =>
    withFolder(async (folder) => {
      const file = join(folder, 'broken.pcap');
      await writeFile(file, 'this is not a capture file');
      await expectRefusal(1, /byte 0: neither pcap nor pcapng/, join(folder, 'data'), { args: ['--pcap', file] });
    }));

  it('says that a capture file is missing', () =>
    withFolder((folder) =>
      expectRefusal(1, /cannot read the capture file .*nothing\.pcap/, folder, {
        args: ['--pcap', join(folder, 'nothing.pcap')],
      }),
    ));

  it('knows what a misspelt variable was meant to be', () =>
    withFolder((folder) =>
      expectRefusal(2, /BPFLEET_LISTN: nothing reads this variable, did you mean BPFLEET_LISTEN/, folder, {
        env: { BPFLEET_LISTN: '0.0.0.0' },
      }),
    ));

  it('refuses options it does not know, and shows those it does', () =>
    withFolder(async (folder) => {
      await expectRefusal(2, /unknown option '--prot'[\s\S]*--port/, folder, { args: ['--prot', '1'] });
      await expectRefusal(
        0,
        /--interface[\s\S]*--pcap[\s\S]*--data[\s\S]*--port[\s\S]*--no-demo[\s\S]*--once/,
        folder,
        {
          args: ['--help'],
        },
      );
    }));

  it('refuses a second one on the same data folder', { timeout: 60_000 }, () =>
    withFolder(async (folder) => {
      const first = await startWith(folder, { args: ['--no-demo'] });
      await first.until('the start', () => first.stdout.includes('Push:'));
      await expectRefusal(1, /is in use|already/, folder, { args: ['--no-demo'] });
      expect(await first.end()).toBe(0);
    }),
  );
});

describe.runIf(process.getuid?.() === 0)('npm start without the right to capture', () => {
  const spawnWithout = (argv: readonly string[], options: SpawnOptions) =>
    spawn('setpriv', ['--bounding-set=-net_raw', '--inh-caps=-net_raw', '--', ...argv], options);

  it('says so and replays a recording', { timeout: 90_000 }, () =>
    withFolder((folder) =>
      expectRefusal(0, /Not capturing[\s\S]*CAP_NET_RAW[\s\S]*replaying a recording[\s\S]*PACKET/, folder, {
        args: ['--once'],
        spawn: spawnWithout,
      }),
    ),
  );

  it('refuses when it was told where to capture', () =>
    withFolder((folder) =>
      expectRefusal(1, /cannot capture on lo[\s\S]*start as root/, folder, {
        args: ['--interface', 'lo'],
        spawn: spawnWithout,
      }),
    ));
});
