import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** docs/10-architecture.md, "Who may import whom". `errors` may be imported by all. */
const mayImport: Record<string, readonly string[]> = {
  errors: [],
  bpf: [],
  packet: [],
  dissect: ['packet'],
  'pcap-filter': ['bpf', 'packet'],
  pruning: ['packet', 'pcap-filter'],
  section: ['packet'],
  contract: ['bpf', 'section'],
  linux: ['bpf'],
  bus: ['contract', 'section'],
  service: ['contract', 'section'],
  store: ['contract', 'section', 'packet', 'pcap-filter', 'pruning', 'bpf'],
};
const libraries = Object.keys(mayImport);
const services = ['capture-agent', 'filter-manager', 'analytics'];
const tests = ['test-environment', 'bench'];

/** Run by a browser too: nothing of Node in them. */
const pure = ['errors', 'bpf', 'pcap-filter', 'packet', 'pruning', 'dissect', 'section', 'contract'];

/** Each of these packages has one importer. */
const onlyImporter: Record<string, string> = {
  koffi: 'libs/linux',
  cap: 'libs/linux',
  kafkajs: 'libs/bus',
  commander: 'apps/cli apps/standalone tests/bench',
};

describe('the import table', () => {
  const dependencies = projectGraph();

  it.each(libraries)('holds for libs/%s', (name) => {
    const allowed = [...mayImport[name]!, 'errors'].map((other) => `@bpfleet/${other}`);
    expect(dependencies(name).filter((other) => !allowed.includes(other))).toEqual([]);
  });

  it.each([...services, 'cli'])('lets apps/%s import libraries only', (name) => {
    const allowed = libraries.map((other) => `@bpfleet/${other}`);
    expect(dependencies(name).filter((other) => !allowed.includes(other))).toEqual([]);
  });

  it('lets only standalone compose apps', () => {
    const allowed = [...libraries, ...services].map((other) => `@bpfleet/${other}`);
    expect(dependencies('standalone').filter((other) => !allowed.includes(other))).toEqual([]);
    expect(dependencies('standalone')).toEqual(expect.arrayContaining(services.map((name) => `@bpfleet/${name}`)));
  });

  it('knows every project', () => {
    const known = [...libraries, ...services, ...tests, 'cli', 'standalone'].map((name) => `@bpfleet/${name}`);
    expect(dependencies.projects.filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('sources', () => {
  it.each(pure)('of libs/%s use nothing of Node', (name) => {
    const builtins = new Set(builtinModules);
    const offenders = importsOf(`libs/${name}/src`).filter(
      ({ from }) => from.startsWith('node:') || builtins.has(from.split('/')[0]!),
    );
    expect(offenders).toEqual([]);
  });

  it('that are built import nothing that only tests have: images are made without it', () => {
    const built = [...packages()].filter((folder) => !folder.startsWith('tests/'));
    const offenders = built
      .flatMap((folder) => importsOf(`${folder}/src`).map((one) => ({ folder, ...one })))
      .filter(({ file, from }) => from.startsWith('@bpfleet/test-environment') && !file.includes('contract-tests/'));
    expect(offenders).toEqual([]);
  });

  it.each(Object.entries(onlyImporter))('import %s in %s only', (library, folders) => {
    const allowed = folders.split(' ');
    const offenders = [...packages()]
      .filter((folder) => !allowed.includes(folder))
      .flatMap((folder) =>
        importsOf(`${folder}/src`).filter(({ from }) => from === library || from.startsWith(`${library}/`)),
      );
    expect(offenders).toEqual([]);
  });
});

/** Direct dependencies by project, as Nx finds them in the sources and the package files. */
function projectGraph(): ((name: string) => string[]) & { projects: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'bpfleet-graph-'));
  try {
    const file = join(folder, 'graph.json');
    execFileSync(process.execPath, ['node_modules/nx/dist/bin/nx.js', 'graph', `--file=${file}`], { cwd: root });
    const { graph } = JSON.parse(readFileSync(file, 'utf8')) as {
      graph: { nodes: Record<string, unknown>; dependencies: Record<string, { target: string }[]> };
    };
    const of = (name: string): string[] =>
      (graph.dependencies[`@bpfleet/${name}`] ?? []).map(({ target }) => target).filter((name) => name in graph.nodes);
    return Object.assign(of, { projects: Object.keys(graph.nodes).filter((name) => name.startsWith('@bpfleet/')) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function* packages(): Generator<string> {
  for (const kind of ['libs', 'apps']) for (const name of readdirSync(join(root, kind))) yield `${kind}/${name}`;
  yield 'tests/bench';
  yield 'tests/environment';
}

/** Import statements of a folder's sources, tests left out: those may use what they need. */
function importsOf(folder: string): { file: string; from: string }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => {
      const text = readFileSync(join(root, folder, file), 'utf8');
      return [...text.matchAll(/(?:from|import)\s*\(?'([^']+)'/g)].map((match) => ({
        file: `${folder}/${file}`,
        from: match[1]!,
      }));
    });
}
