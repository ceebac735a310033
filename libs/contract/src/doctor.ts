import { z } from 'zod';

/** What a check of a host found: of `bpfleet agent doctor`, and of the agent that it asks. */
export const Finding = z.object({
  name: z.string(),
  /** `no`: the agent does not work so; `warning`: it works, with less. */
  state: z.enum(['ok', 'warning', 'no']),
  detail: z.string(),
  /** What to do; missing where there is nothing to do. */
  advice: z.string().optional(),
});
export type Finding = Readonly<z.infer<typeof Finding>>;

export const ok = (name: string, detail: string): Finding => ({ name, state: 'ok', detail });
export const warning = (name: string, detail: string, advice: string): Finding => ({
  ...{ name, state: 'warning', detail, advice },
});
export const no = (name: string, detail: string, advice: string): Finding => ({ name, state: 'no', detail, advice });

/** The message of whatever was thrown, in one line. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!;

/** What the agent's own code prints when the doctor asks it. */
export const AgentFindings = z.object({
  findings: z.array(Finding),
  /** As the agent reads them, mistakes left out. */
  settings: z.object({
    stateDir: z.string(),
    spoolDir: z.string(),
    spoolBytes: z.number(),
    /** Who writes there; missing: whoever asks. */
    owner: z.object({ uid: z.number(), gid: z.number() }).optional(),
  }),
});
export type AgentFindings = z.infer<typeof AgentFindings>;
