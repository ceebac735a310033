import type { TestProject } from 'vitest/node';
import { SharedServers } from './shared-servers.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where test files ask for the servers of this run; see `requirements.ts`. */
    readonly sharedServers: string;
  }
}

/** Vitest calls it before the first file of project `it`, and the function it returns after the last. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const servers = new SharedServers();
  project.provide('sharedServers', await servers.listen());
  return () => servers.stop();
}
