/** What the agent finds of this host and its settings: `bpfleet agent doctor` shows it among its own findings. */
export interface Finding {
  readonly name: string;
  /** `no`: the agent does not work so; `warning`: it works, with less. */
  readonly state: 'ok' | 'warning' | 'no';
  readonly detail: string;
  /** What to do; missing where there is nothing to do. */
  readonly advice?: string;
}

export const ok = (name: string, detail: string): Finding => ({ name, state: 'ok', detail });
export const warning = (name: string, detail: string, advice: string): Finding => ({
  ...{ name, state: 'warning', detail, advice },
});
export const no = (name: string, detail: string, advice: string): Finding => ({ name, state: 'no', detail, advice });

/** The message of whatever was thrown, in one line. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
