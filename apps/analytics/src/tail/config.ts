/** Tails at the same time; each holds up to one step of sections. */
export const MOST_TAILS = 64;

/** What a tail reads at once. */
export const STEP = { sections: 64, bytes: 2 * 1024 * 1024, offsets: 20_000n } as const;

/** Where no commit wakes the tails, they look themselves. */
export const POLL_MS = 300;

/** Something is sent so often, that a connection which broke is noticed. */
export const HEARTBEAT_MS = 5_000;
