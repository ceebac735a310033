import type { OneHost } from './one-host.js';

/** What is known of numbers that are not stored, to be read by whoever looks for the cause: it seldom happens again. */
export async function whereabouts(rig: OneHost, sent: number, stored: ReadonlyMap<number, number>): Promise<string> {
  const quarantine = await rig.inQuarantine();
  const { epoch, ledger } = (await rig.status())!;
  return [
    `missing of 0 to ${sent - 1}: ${rangesMissing(sent, stored).join(', ')}`,
    ...quarantine.map(({ reason, numbers }) => `in quarantine, ${reason}: ${numbers[0]} to ${numbers.at(-1)}`),
    `the ledger of epoch ${epoch}: ${JSON.stringify(ledger)}`,
  ].join('\n');
}

/** `3-7`, in order. */
function rangesMissing(sent: number, stored: ReadonlyMap<number, number>): string[] {
  const ranges: string[] = [];
  for (let number = 0; number < sent; number++) {
    if (stored.has(number)) continue;
    const first = number;
    while (number + 1 < sent && !stored.has(number + 1)) number++;
    ranges.push(`${first}-${number}`);
  }
  return ranges;
}
