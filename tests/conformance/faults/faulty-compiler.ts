import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';
import type { Compile } from '../ours.js';
import type { Fault } from './faults.js';

const libraries = join(import.meta.dirname, '../../../libs');

/**
 * The compiler with one fault in it. Sources are changed while they are read into a bundle; the working tree stays as it is.
 * @throws Error when the fault's text is not in its file any more
 */
export async function faultyCompiler({ file, find, replace }: Fault): Promise<Compile> {
  let isPut = false;
  const target = join(libraries, 'pcap-filter/src', file);
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['@bpfleet/source'] },
    plugins: [
      {
        name: 'fault',
        enforce: 'pre',
        transform(code: string, id: string) {
          if (id !== target || !code.includes(find)) return undefined;
          isPut = true;
          return code.replace(find, () => replace);
        },
      },
    ],
    build: {
      ssr: true,
      write: false,
      minify: false,
      rollupOptions: { input: join(libraries, 'pcap-filter/src/index.ts') },
    },
    ssr: { noExternal: true, resolve: { conditions: ['@bpfleet/source'] } },
  });
  if (!isPut) throw new Error(`${file} has no “${find}” to put a fault into; choose another`);
  const [bundle] = Array.isArray(result) ? result : [result];
  if (bundle === undefined || !('output' in bundle)) throw new Error('the bundler answered without a bundle');
  return load(bundle.output[0].code);
}

async function load(code: string): Promise<Compile> {
  const folder = mkdtempSync(join(tmpdir(), 'bpfleet-fault-'));
  try {
    const file = join(folder, 'compiler.mjs');
    writeFileSync(file, code);
    const module = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as { compile: Compile };
    return module.compile;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
