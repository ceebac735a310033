import type { ScraperQuestions } from './scraper-process.js';
import { TalkingChild } from './talking-child.js';
import { GENERATOR_PROCESSOR } from './wire.js';

/** Reads an agent's metrics from its own host, in a process of its own, so that what that takes is not the agent's. */
export class Scraper {
  readonly #child: TalkingChild<ScraperQuestions>;

  constructor(url: string, namespacePath: string) {
    this.#child = new TalkingChild('./scraper-process.js', GENERATOR_PROCESSOR, { args: [namespacePath, url] });
  }

  /** Resolves when the first answer was read: its connection is open, and what is read once is warm. */
  async start(): Promise<void> {
    try {
      await this.#child.ask('start');
    } catch (error) {
      await this.#child.stop();
      throw error;
    }
  }

  /** Resolves with how many answers came since the start. */
  async stop(): Promise<number> {
    try {
      return await this.#child.ask('scrapes');
    } finally {
      await this.#child.stop();
    }
  }
}
