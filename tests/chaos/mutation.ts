/** A change of built code: what a guarantee rests on, taken out. */
export interface Mutation {
  /** The end of the file's path: `libs/store/dist/ingest/dedupe.js`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Environment of a process whose code is changed as it is loaded, and nothing on disk. For tests that must fail with it.
 * A process where there is nothing to change ends with an error.
 */
export function mutated({ file, from, to }: Mutation): Readonly<Record<string, string>> {
  // Node's module customization hooks: https://nodejs.org/docs/latest-v20.x/api/module.html#loadurl-context-nextload
  const hooks = `export async function load(url, context, next) {
    const loaded = await next(url, context);
    if (!url.endsWith(${JSON.stringify(file)})) return loaded;
    const code = Buffer.from(loaded.source).toString();
    if (!code.includes(${JSON.stringify(from)})) throw new Error('nothing to change in ' + url);
    return { ...loaded, source: code.replace(${JSON.stringify(from)}, () => ${JSON.stringify(to)}) };
  }`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(moduleUrl(hooks))});`;
  return { NODE_OPTIONS: `--import=${moduleUrl(register)}` };
}

/** Without spaces: `NODE_OPTIONS` is split at them. */
const moduleUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
