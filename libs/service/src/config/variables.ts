import { globalRegistry, z } from 'zod';

/** One environment variable of an app: a field of its configuration schema. */
export interface Variable {
  /** Key in the schema, `postgresUrl`. */
  readonly field: string;
  /** `BPFLEET_POSTGRES_URL` */
  readonly name: string;
  readonly description: string;
  /** What the field is without the variable; undefined when it is required or has no value then. */
  readonly defaultValue: unknown;
  readonly required: boolean;
  /** May also come from a file named by `<name>_FILE`, and is never printed. */
  readonly secret: boolean;
}

/** The variables of a configuration schema, in its order. `postgresUrl` is read from `BPFLEET_POSTGRES_URL`. */
export function variablesOf(schema: z.ZodObject, prefix = 'BPFLEET_'): Variable[] {
  return Object.entries(schema.shape).map(([field, type]) => {
    const absent = z.safeParse(type, undefined);
    const { description, secret } = metadataOf(type);
    return {
      field,
      name: prefix + field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
      description: description ?? '',
      defaultValue: absent.success ? absent.data : undefined,
      required: !absent.success,
      secret: secret === true,
    };
  });
}

/** Every name under which an app reads a variable: the list that `loadConfig` of a sibling takes as `known`. */
export function variableNames(schema: z.ZodObject, prefix = 'BPFLEET_'): string[] {
  return variablesOf(schema, prefix).flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name]));
}

interface VariableMetadata {
  readonly description?: string | undefined;
  readonly secret?: unknown;
}

/** Looks through wrappers (`default`, `optional`, `pipe`): the words may stand before or after them. */
function metadataOf(type: z.core.$ZodType): VariableMetadata {
  const { innerType, in: input } = type._zod.def as { innerType?: z.core.$ZodType; in?: z.core.$ZodType };
  const inner = innerType ?? input;
  return { ...(inner ? metadataOf(inner) : {}), ...globalRegistry.get(type) };
}
