import type { BusLogger } from './kafka-options.js';

/** While a broker is away the same is said some ten times a second. */
const AGAIN_AFTER_MS = 30_000;
/** Kinds of lines that are told apart; errors may hold numbers. */
const MAX_KINDS = 64;

interface Kind {
  readonly loggedAtMs: number;
  heldBack: number;
}

/** Lets the first warning of a kind through, then one each half minute, with how many were held back. */
export class LimitedLogger implements BusLogger {
  readonly #kinds = new Map<string, Kind>();

  constructor(
    private readonly logger: BusLogger,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  debug(fields: object, message: string): void {
    this.logger.debug(fields, message);
  }

  warn(fields: object, message: string): void {
    const name = `${message} ${causeOf(fields)}`;
    const kind = this.#kinds.get(name);
    const now = this.nowMs();
    if (kind !== undefined && now - kind.loggedAtMs < AGAIN_AFTER_MS) {
      kind.heldBack += 1;
      return;
    }
    // Anew, so that the first in the map is the one that was logged longest ago.
    this.#kinds.delete(name);
    if (this.#kinds.size >= MAX_KINDS) this.#kinds.delete(this.#kinds.keys().next().value ?? '');
    this.#kinds.set(name, { loggedAtMs: now, heldBack: 0 });
    this.logger.warn(kind?.heldBack ? { ...fields, heldBack: kind.heldBack } : fields, message);
  }
}

/** What tells lines of one text apart: what kafkajs said, or our own error. */
function causeOf(fields: object): string {
  if ('said' in fields) return String(fields.said);
  return 'err' in fields ? String(fields.err) : '';
}
