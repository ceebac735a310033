import { fileURLToPath, pathToFileURL } from 'node:url';

/** One change of built code. */
export interface Mutation {
  /** Below the repository's root: `apps/analytics/dist/ingest/gap.js`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Loads our modules with the changes that its environment names. A change whose place is not there is an error. */
const loader = `
import { register } from 'node:module';
const hooks = \`
  const mutations = JSON.parse(process.env.BPFLEET_TEST_MUTATIONS);
  export async function load(url, context, next) {
    const ours = mutations.filter((one) => one.url === url);
    const loaded = await next(url, context);
    if (ours.length === 0) return loaded;
    let source = String(loaded.source);
    for (const { from, to } of ours) {
      if (source.split(from).length !== 2) throw new Error('not once in ' + url + ': ' + from);
      source = source.replace(from, () => to);
    }
    return { ...loaded, source };
  }\`;
register('data:text/javascript,' + encodeURIComponent(hooks));
`;

/**
 * Environment of a process of ours that runs with changes in its code: a test that cannot fail with what it guards removed
 * proves nothing. The product has no switch for it.
 */
export function mutant(...mutations: readonly Mutation[]): Readonly<Record<string, string>> {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const changes = mutations.map(({ file, ...change }) => ({ ...change, url: pathToFileURL(root + file).href }));
  return {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(loader)}`,
    BPFLEET_TEST_MUTATIONS: JSON.stringify(changes),
  };
}
