/** Tails at the same time; each holds up to one step of sections, and what it made of them. */
export const MOST_TAILS = 64;

/** What a tail reads at once. */
export const STEP = { sections: 64, bytes: 2 * 1024 * 1024, offsets: 20_000n } as const;

/** How often is looked for something new, while somebody follows. */
export const POLL_MS = 100;

/** Something is sent so often, that a connection which broke is noticed, on either side. */
export const HEARTBEAT_MS = 5_000;

export interface TailLimits {
  /** Postgres may be away so long before its tails are ended: their readers shall not believe that nothing happens. */
  readonly awayMs: number;
  /** A reader that takes nothing for so long is ended: it holds one of `MOST_TAILS` places. */
  readonly stalledMs: number;
}
export const TAIL_LIMITS: TailLimits = { awayMs: 30_000, stalledMs: 300_000 };
