/** For a test of random inputs, also where something else has the machine: a million took forty minutes there, and have an hour. */
export const timeLimitMs = (inputs: number): number => 60_000 + (inputs * 3_600_000) / 1_000_000;
