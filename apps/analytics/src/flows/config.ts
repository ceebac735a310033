/** Questions about flows at the same time: each keeps one of Postgres' processes busy. */
export const MOST_QUESTIONS = 6;

/** What one of them takes at most. */
export const QUESTION_TIME_MS = 30_000;
