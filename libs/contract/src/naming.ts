import { z } from 'zod';

/** DNS-label like, so that it fits a file name, a metric and a URL without escaping. */
export const FilterName = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,62}$/,
    'a filter name is lower case letters, digits and dashes, at most 63, starting with a letter',
  )
  .meta({ examples: ['web'] });

export const AgentId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'an agent id is letters, digits, dot, dash and underscore, at most 63')
  .meta({ examples: ['host-1'] });

export const Labels = z
  .record(
    z.string().regex(/^[a-z][a-z0-9._/-]{0,62}$/, 'a label key is lower case letters, digits and . _ / -'),
    z.string().regex(/^[A-Za-z0-9._-]{0,63}$/, 'a label value is letters, digits and . _ -'),
  )
  .meta({ examples: [{ env: 'prod', role: 'web' }] });
export type Labels = z.infer<typeof Labels>;

/** Interface name patterns, resolved on the host: `*` matches any run of characters, a leading `!` excludes. */
export const InterfacePatterns = z
  .array(
    z
      .string()
      .regex(/^!?[A-Za-z0-9_.:@*-]{1,32}$/, 'an interface pattern is a name that may hold *, and may start with !'),
  )
  .min(1)
  .max(32)
  .meta({ examples: [['*', '!lo']] });

/** Bytes kept of each packet; 262,144 is libpcap's "whole packet". */
export const SnaplenBytes = z.int().min(14).max(262_144);

export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
/** What a question is told by: random, base64url. */
export const Nonce = z.string().regex(/^[\w-]{1,128}$/);
export const Timestamp = z.string().meta({ format: 'date-time', examples: ['2026-11-22T10:00:00.000Z'] });

/** Traffic of bpfleet itself, kept out of every capture: a TCP endpoint, `host` a name or an address. */
export const Endpoint = z.object({ host: z.string().min(1).max(253), port: z.int().min(1).max(65_535) });
export type Endpoint = z.infer<typeof Endpoint>;
