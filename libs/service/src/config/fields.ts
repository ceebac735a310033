import { isServerAddress } from '@bpfleet/contract';
import { z } from 'zod';

/** `a,b,c` as a list; blanks around the commas are ignored, and so is a comma at the end. */
export const commaSeparated = <T extends z.ZodType<unknown, string>>(item: T) =>
  z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    )
    .pipe(z.array(item));

/** `host:port`, `[::1]:port` */
export const HostPort = z.string().transform((text, context) => {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]{1,253})):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65_535) {
    context.addIssue({ code: 'custom', message: `"${text}" is not host:port (an IPv6 address goes in brackets)` });
    return z.NEVER;
  }
  return { host: (match[1] ?? match[2])!, port };
});

/** The same again as text. */
export const formatHostPort = ({ host, port }: z.output<typeof HostPort>): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** `k=v,k=v` as an object, to be checked further by `piped` schemas such as `Labels`. */
export const keyValues = z.string().transform((text, context) => {
  const entries: [string, string][] = [];
  for (const part of text.split(',').map((pair) => pair.trim())) {
    if (part === '') continue;
    const separator = part.indexOf('=');
    if (separator < 1) {
      context.addIssue({ code: 'custom', message: `"${part}" is not key=value` });
      return z.NEVER;
    }
    entries.push([part.slice(0, separator).trim(), part.slice(separator + 1).trim()]);
  }
  return Object.fromEntries(entries);
});

/** Of the filter-manager, say. */
export const ServerAddress = z
  .string()
  .refine(isServerAddress, 'is no address of a server: http://host:port, without a path');

export const Port = z.coerce.number().int().min(0).max(65_535);

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Fields that every process has. */
export const LogConfig = z.object({
  logLevel: z.enum(logLevels).default('info').describe('least level that is logged'),
});

/** Where a service listens; `.extend` with the app's own port. */
export const HttpConfig = z.object({
  listen: z.string().default('127.0.0.1').describe('address to listen on; anybody who reaches it may use the API'),
});

export const PostgresConfig = z.object({
  postgresUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'a Postgres URL starts with postgres://')
    .meta({ description: 'postgres://user:password@host:port/database', secret: true }),
});
