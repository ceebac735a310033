import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { root } from './compose-file.js';

export interface K8sDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: each kind has its own; tsc checks them against kubernetes-types
  readonly spec?: any;
  readonly data?: Record<string, string>;
}

export const hasKubectl = (): boolean => spawnSync('kubectl', ['kustomize', '--help']).status === 0;

/** What `kubectl apply -k` would send. */
export function kustomized(folder: string): K8sDocument[] {
  return documentsOf(execFileSync('kubectl', ['kustomize', join(root, folder)], { encoding: 'utf8' }));
}

/** The files that the kustomization lists, as they are. */
export function listed(folder: string): K8sDocument[] {
  const { resources } = parse(readFileSync(join(root, folder, 'kustomization.yaml'), 'utf8')) as {
    resources: string[];
  };
  return resources.flatMap((file) => documentsOf(readFileSync(join(root, folder, file), 'utf8')));
}

function documentsOf(text: string): K8sDocument[] {
  const documents = parseAllDocuments(text, { version: '1.1' });
  return ('empty' in documents ? [] : documents).map((document) => document.toJS() as K8sDocument);
}

/** apiVersion → folder in kubernetes-types. */
const typeFolders: Record<string, string> = { v1: 'core/v1', 'apps/v1': 'apps/v1', 'batch/v1': 'batch/v1' };

/**
 * Checks each document against the Kubernetes API's types with tsc: also finds fields that do not exist.
 * @returns tsc's complaints, empty when all is well
 */
export function typeFaults(documents: readonly K8sDocument[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'bpfleet-k8s-'));
  try {
    const types = join(root, 'node_modules/kubernetes-types');
    const lines = documents.map((document, i) => {
      const file = typeFolders[document.apiVersion];
      if (!file) throw new Error(`no types known for ${document.apiVersion}`);
      return `export const d${i}: import('${types}/${file}.d.ts').${document.kind} = ${JSON.stringify(document)};`;
    });
    const source = join(folder, 'documents.ts');
    writeFileSync(source, lines.join('\n'));
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler'];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout, stderr, status } = spawnSync(process.execPath, [tsc, ...options, '--types', '', source], {
      cwd: folder,
      encoding: 'utf8',
    });
    return status === 0 ? '' : `${stdout}${stderr}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
