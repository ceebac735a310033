import type { Completeness, PacketRow } from '@bpfleet/contract';

const utf8 = new TextEncoder();

/** One JSON object of the contract's `PacketAnswer`, written as it is read. */
export async function* jsonAnswer(
  rows: AsyncIterable<PacketRow>,
  completeness: () => Promise<Completeness>,
): AsyncGenerator<Uint8Array, void, void> {
  let before = '{"packets":[';
  for await (const row of rows) {
    yield utf8.encode(before + JSON.stringify(row));
    before = ',';
  }
  const open = before === ',' ? '' : before;
  yield utf8.encode(`${open}],"completeness":${JSON.stringify(await completeness())}}`);
}

/** A row per line, and last a line `{"completeness":…}`: without it the answer broke off. */
export async function* ndjsonAnswer(
  rows: AsyncIterable<PacketRow>,
  completeness: () => Promise<Completeness>,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const row of rows) yield utf8.encode(`${JSON.stringify(row)}\n`);
  yield utf8.encode(`${JSON.stringify({ completeness: await completeness() })}\n`);
}
