/** What does not work now, by what was tried. */
export class Troubles {
  readonly #texts = new Map<string, string>();

  constructor(private readonly subject: string) {}

  /** @param error undefined: it works */
  tried(what: string, error: Error | undefined): void {
    if (error) this.#texts.set(what, `${this.subject}: ${what}: ${error.message}`);
    else this.#texts.delete(what);
  }

  get texts(): readonly string[] {
    return [...this.#texts.values()];
  }
}
