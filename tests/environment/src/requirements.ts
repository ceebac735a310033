import { describe, inject, it } from 'vitest';
import { imageIsMissing } from './docker.js';
import type {} from './global-setup.js';
import type { Unavailable } from './kafka.js';
import { noteServer } from './servers-used.js';
import type { Shared, SharedKafka, SharedPostgres } from './shared-servers.js';

/** Something a suite needs and this machine may not have: what to use, or why it is not there. */
export type Requirement<T extends object = object> = T | Unavailable;

type Available<Needs> = { readonly [Name in keyof Needs]: Exclude<Needs[Name], Unavailable> };

/**
 * A suite that runs where all its needs are there. Where not, it is skipped and its title ends with
 * `[skipped: reason]`, which the test reporter prints; it fails instead where `BPFLEET_TEST_REQUIRED` (names with
 * commas, or `all`) promises the need.
 *
 *     suiteRequires('KafkaBus', { kafka: await kafka() }, ({ kafka }) => { it('…') });
 */
export function suiteRequires<Needs extends Readonly<Record<string, Requirement>>>(
  title: string,
  needs: Needs,
  body: (available: Available<Needs>) => void,
): void {
  const missing = Object.entries(needs).flatMap(([name, need]) =>
    'unavailable' in need ? [{ name, reason: String(need.unavailable) }] : [],
  );
  if (missing.length === 0) {
    describe(title, () => body(needs as Available<Needs>));
    return;
  }
  const reason = missing.map((need) => need.reason).join('; ');
  if (missing.some(({ name }) => isPromised(name))) {
    describe(title, () => {
      it(`has what it needs: ${missing.map(({ name }) => name).join(', ')}`, () => {
        throw new Error(`${reason}, and BPFLEET_TEST_REQUIRED promises it`);
      });
    });
    return;
  }
  describe.skip(`${title} [skipped: ${reason}]`, () => {
    it('runs where its needs are there', () => undefined);
  });
}

/** The broker of this test run. */
export const kafka = (): Promise<Requirement<SharedKafka>> => ask('kafka', 'Kafka');

/** The Postgres of this test run; `createDatabase` makes a database of the file's own. */
export const postgres = (): Promise<Requirement<SharedPostgres>> => ask('postgres', 'Postgres');

/** A container engine that has this image; nothing is pulled. */
export async function image(name: string): Promise<Requirement<{ readonly image: string }>> {
  const missing = await imageIsMissing(name);
  return missing === undefined ? { image: name } : { unavailable: missing };
}

async function ask<Name extends keyof Shared>(name: Name, title: string): Promise<Shared[Name]> {
  const address = inject('sharedServers') as string | undefined;
  if (address === undefined) return { unavailable: `no ${name} in this test project` } as Shared[Name];
  const shared = (await (await fetch(`${address}/${name}`)).json()) as Shared[Name];
  if ('version' in shared) noteServer(`${title} ${shared.version}`);
  return shared;
}

function isPromised(name: string): boolean {
  const promised = process.env.BPFLEET_TEST_REQUIRED?.split(',') ?? [];
  return promised.includes(name) || promised.includes('all');
}
