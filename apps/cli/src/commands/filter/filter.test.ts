import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeFleet } from '../../fakes/fake-fleet.js';
import { runCommand } from '../../fakes/fake-terminal.js';

let fleet: FakeFleet;
let server: string;
beforeEach(async () => {
  fleet = new FakeFleet();
  server = await fleet.start();
});
afterEach(() => fleet.stop());
const bpfleet = (args: string[], input?: string) =>
  runCommand(['filter', ...args], { env: { BPFLEET_SERVER: server }, ...(input === undefined ? {} : { input }) });

describe('filter apply', () => {
  it('creates a filter and assigns it to every agent', async () => {
    const { code, out } = await bpfleet(['apply', 'web', 'tcp port 443']);
    expect(code).toBe(0);
    expect(out).toBe('filter web created, version 1\nweb@1 assigned to every agent\n');
    expect(fleet.filters.get('web')?.latest).toMatchObject({ expression: 'tcp port 443', snaplenBytes: 128 });
  });

  it('takes the expression as separate words too, and the options of the version', async () => {
    await bpfleet([
      'apply',
      'web',
      'tcp',
      'port',
      '80',
      '-s',
      '256',
      '-i',
      'eth*',
      '-i',
      '!eth9',
      '--selector',
      'env=prod',
    ]);
    expect(fleet.filters.get('web')).toMatchObject({
      latest: { expression: 'tcp port 80', snaplenBytes: 256, interfaces: ['eth*', '!eth9'] },
      assignments: [{ selector: 'env=prod' }],
    });
  });

  it('changes nothing the second time', async () => {
    await bpfleet(['apply', 'web', 'tcp port 443']);
    const { out } = await bpfleet(['apply', 'web', 'tcp port 443']);
    expect(out).toBe('filter web unchanged, version 1\n');
    expect(fleet.requests.filter((request) => !request.startsWith('GET'))).toHaveLength(2);
  });

  it('makes a new version of what changed, keeps the rest, and moves every assignment on', async () => {
    await bpfleet(['apply', 'web', 'tcp port 443', '-s', '256', '--selector', 'env=prod']);
    const { out } = await bpfleet(['apply', 'web', 'tcp port 444']);
    expect(out).toBe('filter web has a new version, 2\nweb@2 assigned to env=prod\n');
    expect(fleet.filters.get('web')?.latest.snaplenBytes).toBe(256);
  });

  const narrowing = ['--direction', 'inbound', '--sampling', '10', '--packets-per-second', '100'];

  it('narrows what is kept, and keeps what is not named of that, too', async () => {
    await bpfleet(['apply', 'web', 'tcp port 443', ...narrowing]);
    const narrowed = { direction: 'inbound', sampling: 10, budget: { packetsPerSecond: 100, bytesPerSecond: 0 } };
    expect(fleet.filters.get('web')?.latest).toMatchObject(narrowed);
    await bpfleet(['apply', 'web', 'tcp port 444']);
    expect(fleet.filters.get('web')?.latest).toMatchObject({ ...narrowed, version: 2, expression: 'tcp port 444' });
    await bpfleet(['apply', 'web', 'tcp port 444', '--bytes-per-second', '5000', '--sampling', '1']);
    expect(fleet.filters.get('web')?.latest).toMatchObject({
      ...{ version: 3, direction: 'inbound', sampling: 1, interfaces: ['*'] },
      budget: { packetsPerSecond: 100, bytesPerSecond: 5000 },
    });
    const { out } = await bpfleet(['apply', 'web', 'tcp port 444', ...narrowing, '--sampling', '1']);
    expect(out).toContain('unchanged, version 3');
  });

  it('reads the same from a file, and from what `filter get` prints', async () => {
    const written = 'name: web\nexpression: tcp\nsampling: 4\ndirection: outbound\nbudget: {bytesPerSecond: 9000}';
    await bpfleet(['apply', '-f', '-'], written);
    const narrowed = { direction: 'outbound', sampling: 4, budget: { packetsPerSecond: 0, bytesPerSecond: 9000 } };
    expect(fleet.filters.get('web')?.latest).toMatchObject(narrowed);
    const { out } = await bpfleet(['get', 'web', '-o', 'json']);
    await bpfleet(['apply', 'web', 'tcp', '--sampling', '1', '--bytes-per-second', '0']);
    // Where the server is is no option of the filter.
    await bpfleet(['apply', '-f', '-', '--server', server], out);
    expect(fleet.filters.get('web')?.latest).toMatchObject({ ...narrowed, version: 3 });
  });

  it('says which agents stay on an older version', async () => {
    await bpfleet(['apply', 'web', 'tcp port 443', '--selector', 'env=prod']);
    const { out } = await bpfleet(['apply', 'web', 'tcp port 444', '--selector', 'env=dev']);
    expect(out).toContain('web@2 assigned to env=dev\nnote: web@1 stays assigned to env=prod\n');
  });

  it('prints the filter in the shape of the API, which can be piped back in', async () => {
    const json = await bpfleet(['apply', 'web', 'tcp port 443', '-o', 'json']);
    expect(JSON.parse(json.out)).toEqual(fleet.filters.get('web'));
    fleet.filters.clear();
    const again = await bpfleet(['apply', '-f', '-'], json.out);
    expect(again.out).toContain('filter web created, version 1');
    expect(fleet.filters.get('web')?.assignments[0]?.selector).toBe('');
  });

  it('reads several filters from a YAML file', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'bpfleet-cli-')), 'filters.yaml');
    await writeFile(
      file,
      'name: web\nexpression: tcp port 443\nselector: env=prod\n---\nname: dns\nexpression: udp port 53\n',
    );
    const { code, out } = await bpfleet(['apply', '-f', file]);
    expect(code).toBe(0);
    expect(out).toContain('web@1 assigned to env=prod');
    expect(out).toContain('dns@1 assigned to every agent');
  });

  it.each([
    ['an unknown field', 'name: web\nexpresion: tcp', 'Unrecognized key: "expresion"'],
    ['a wrong value', 'name: web\nexpression: tcp\nsnaplenBytes: 3', 'snaplenBytes: Too small'],
    ['no YAML', 'name: [', 'is not YAML or JSON'],
    ['nothing', '', 'holds no filter'],
  ])('refuses a file with %s and applies nothing', async (_, written, message) => {
    const { code, err } = await bpfleet(['apply', '-f', '-'], written);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(fleet.requests).toEqual([]);
  });

  it('says that a file is missing', async () => {
    const { code, err } = await bpfleet(['apply', '-f', '/nowhere.yaml']);
    expect(code).toBe(1);
    expect(err).toMatch(/^error: cannot read \/nowhere\.yaml: ENOENT/);
  });

  it('prints a caret under the place that the server refused', async () => {
    fleet.problem = {
      status: 422,
      code: 'FILTER_SYNTAX',
      detail: 'expected a port',
      span: { start: 9, end: 13 },
      hint: 'a port is a number or a service name',
    };
    const { code, err } = await bpfleet(['apply', 'web', 'tcp port 44x3']);
    expect(code).toBe(2);
    expect(err).toBe(
      'error: the expression was refused (FILTER_SYNTAX)\n' +
        'tcp port 44x3\n' +
        '         ^^^^ expected a port\n' +
        'try: a port is a number or a service name\n',
    );
  });

  it.each([
    ['no name', ['apply'], 'name the filter'],
    ['no expression', ['apply', 'web'], 'the expression is missing'],
    ['a name beside a file', ['apply', 'web', '-f', 'x.yaml'], 'leave out the name'],
    ['a snaplen that is none', ['apply', 'web', 'tcp', '-s', 'all'], 'from 14 to 262144'],
    ['a sampling that is none', ['apply', 'web', 'tcp', '--sampling', '0'], 'from 1 to 1000000'],
    ['a limit that is none', ['apply', 'web', 'tcp', '--bytes-per-second', ''], 'from 0 to 1000000000000'],
    ['a direction that is none', ['apply', 'web', 'tcp', '--direction', 'up'], 'any, inbound, outbound'],
    ['a limit beside a file', ['apply', '-f', 'x.yaml', '--packets-per-second', '5'], 'leave out the name'],
  ])('refuses %s as wrong usage', async (_, args, message) => {
    const { code, err } = await bpfleet(args);
    expect(code).toBe(2);
    expect(err).toMatch(/^error: /);
    expect(err).toContain(message);
    expect(fleet.requests).toEqual([]);
  });
});

describe('filter get', () => {
  it('shows plain columns in a pipe', async () => {
    await bpfleet(['apply', 'web', 'tcp port 443', '--selector', 'env=prod']);
    const { out } = await bpfleet(['get']);
    expect(out).toBe(
      'NAME  VERSION  SNAPLEN  INTERFACES  ASSIGNED TO  EXPRESSION\n' +
        'web         1      128  *           env=prod     tcp port 443\n',
    );
  });

  it('reads every page of a list', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await bpfleet(['apply', name, 'tcp']);
    const { out } = await bpfleet(['get', '-o', 'json']);
    expect(JSON.parse(out).items.map((filter: { name: string }) => filter.name)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('prints one filter as YAML', async () => {
    await bpfleet(['apply', 'web', 'tcp port 443']);
    const { out } = await bpfleet(['get', 'web', '-o', 'yaml']);
    expect(out).toMatch(/^name: web\n/);
    expect(out).toContain('  expression: tcp port 443\n');
  });

  it('says that there are none, and that one does not exist', async () => {
    expect(await bpfleet(['get'])).toMatchObject({ code: 0, out: '', err: 'no filters\n' });
    expect(await bpfleet(['get', 'web'])).toMatchObject({
      code: 1,
      err: 'error: there is no filter web (NOT_FOUND)\n',
    });
  });
});

describe('filter delete', () => {
  it('deletes a filter once', async () => {
    await bpfleet(['apply', 'web', 'tcp port 443']);
    expect(await bpfleet(['delete', 'web'])).toMatchObject({ code: 0, out: 'filter web deleted\n' });
    expect(await bpfleet(['delete', 'web'])).toMatchObject({ code: 1, out: '' });
  });
});
