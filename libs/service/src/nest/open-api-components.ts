import * as contract from '@bpfleet/contract';
import { z } from 'zod';
import type { Operation } from './operation.js';

export type Json = Record<string, unknown>;
/** A request shows what may be left out, an answer what is always there: defaults make the two differ. */
export type Io = 'input' | 'output';

const PREFIX = '#/components/schemas/';

/** The document's schemas: names them as the contract does, and collects those that the operations need. */
export class Components {
  readonly #registry = z.registry<{ id: string }>();
  readonly #schemas: Record<Io, Record<string, Json>>;
  readonly #inBoth: ReadonlySet<string>;
  readonly #used = new Map<string, Json>();

  constructor(operations: readonly Operation[]) {
    for (const [id, schema] of Object.entries(contract)) {
      if (schema instanceof z.ZodType) this.#registry.add(schema, { id });
    }
    for (const { route, operationId } of operations) {
      this.#name(route.query, `${operationId}Query`);
      this.#name(route.body, `${operationId}Body`);
      this.#name(route.response, `${operationId}Answer`);
    }
    this.#schemas = { input: this.#convert('input'), output: this.#convert('output') };
    const input = this.#reachable(
      'input',
      operations.map(({ route }) => route.body),
    );
    const output = this.#reachable(
      'output',
      operations.map(({ route }) => route.response),
    );
    this.#inBoth = new Set([...input].filter((id) => output.has(id)));
  }

  reference(schema: z.ZodType, io: Io): Json {
    return { $ref: PREFIX + this.#use(this.#idOf(schema), io) };
  }

  /** The JSON Schema itself; what it refers to becomes a component. */
  inline(schema: z.ZodType, io: Io): Json {
    return this.#withReferences(this.#schemas[io][this.#idOf(schema)]!, io) as Json;
  }

  used(): Json {
    return Object.fromEntries([...this.#used].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  #name(schema: z.ZodType | undefined, id: string): void {
    if (schema && !this.#registry.has(schema)) this.#registry.add(schema, { id });
  }

  #idOf(schema: z.ZodType): string {
    return this.#registry.get(schema)!.id;
  }

  #convert(io: Io): Record<string, Json> {
    const { schemas } = z.toJSONSchema(this.#registry, {
      io,
      unrepresentable: 'any',
      uri: (id) => PREFIX + id,
      override: ({ jsonSchema }) => {
        // An answer may get more fields one day: no client should refuse those.
        if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      },
    });
    return Object.fromEntries(
      Object.entries(schemas).map(([id, { $schema: _dialect, $id: _id, ...schema }]) => [id, schema as Json]),
    );
  }

  #reachable(io: Io, roots: readonly (z.ZodType | undefined)[]): Set<string> {
    const reached = new Set<string>();
    const visit = (id: string): void => {
      if (reached.has(id)) return;
      reached.add(id);
      for (const reference of referencesIn(this.#schemas[io][id])) visit(reference);
    };
    for (const root of roots) if (root) visit(this.#idOf(root));
    return reached;
  }

  /** @returns the component's name: with `Input` added where request and answer need two forms of one schema */
  #use(id: string, io: Io): string {
    const name = io === 'input' && this.#inBoth.has(id) && this.#differs(id) ? `${id}Input` : id;
    if (!this.#used.has(name)) {
      // Present before its parts are looked at: a schema may refer to itself.
      this.#used.set(name, {});
      this.#used.set(name, this.#withReferences(this.#schemas[io][id], io) as Json);
    }
    return name;
  }

  #differs(id: string, seen = new Set<string>()): boolean {
    if (seen.has(id)) return false;
    seen.add(id);
    const { input, output } = this.#schemas;
    if (JSON.stringify(input[id]) !== JSON.stringify(output[id])) return true;
    return referencesIn(input[id]).some((reference) => this.#differs(reference, seen));
  }

  #withReferences(value: unknown, io: Io): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#withReferences(item, io));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        const id = referenceId(key, inner);
        return [key, id ? PREFIX + this.#use(id, io) : this.#withReferences(inner, io)];
      }),
    );
  }
}

const referenceId = (key: string, value: unknown): string | undefined =>
  key === '$ref' && typeof value === 'string' && value.startsWith(PREFIX) ? value.slice(PREFIX.length) : undefined;

function referencesIn(value: unknown): string[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => referenceId(key, inner) ?? referencesIn(inner));
}
