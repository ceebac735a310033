import { DEFAULT_PORT } from './options.js';

/** What to try next: lines that work as they stand, also on another port. */
export function cliHints(url: string): string[] {
  const server = new URL(url).port === String(DEFAULT_PORT) ? '' : `BPFLEET_SERVER=${url} `;
  return [
    `API:  ${url}/docs and ${url}/docs/analytics`,
    `Ask:  ${server}npx bpfleet packets 'udp' --since 10m`,
    `Push: ${server}npx bpfleet filter apply web 'tcp port 80 or tcp port 443'`,
    'Ctrl-C ends everything; the next start goes on with the same data.',
  ];
}
