// Stands for Prometheus: reads metrics again and again. Its command line: NAMESPACE_PATH URL
import { Agent, get } from 'node:http';
import { text } from 'node:stream/consumers';
import { enterNetworkNamespace } from '@bpfleet/linux';
import { answerParent } from './talking-child.js';

const [namespacePath, url] = process.argv.slice(2) as [string, string];
/** What most installations set as `scrape_interval`. */
const EACH_MS = 15_000;
/** What Prometheus says that it takes, its compression included. */
const headers = { accept: 'text/plain;version=0.0.4;q=0.5,*/*;q=0.1', 'accept-encoding': 'gzip' };

enterNetworkNamespace(namespacePath);
// It keeps the connection.
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let [scrapes, fault] = [0, undefined as Error | undefined];
let timer: NodeJS.Timeout | undefined;

function scrape(): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers }, (response) => {
      text(response).then((body) => {
        if (response.statusCode === 200 && body.length > 0) resolve();
        else reject(new Error(`${url} answers ${response.statusCode}: ${body.slice(0, 200)}`));
      }, reject);
    }).on('error', reject);
  });
}

export const scraperQuestions = {
  async start(): Promise<void> {
    await scrape();
    const again = () => {
      timer = setTimeout(again, EACH_MS);
      scrape().then(
        () => scrapes++,
        (error: Error) => {
          fault ??= error;
        },
      );
    };
    // In the middle of its time: so many answers in a minute, whenever that ends.
    timer = setTimeout(again, EACH_MS / 2);
  },
  scrapes(): number {
    if (fault) throw fault;
    return scrapes;
  },
};
export type ScraperQuestions = typeof scraperQuestions;

answerParent(scraperQuestions, () => {
  clearTimeout(timer);
  agent.destroy();
});
