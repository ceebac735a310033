import type { Completeness } from '@bpfleet/contract';
import { PacketRows } from './packet-row.js';
import type { MatchedPacket } from './packet-scan.js';

type Runs = AsyncIterable<readonly MatchedPacket[]>;
/** Pieces of the answer, made as they are taken. */
type Pieces = AsyncGenerator<Iterable<Uint8Array>, void, void>;

const bytesOf = (text: string): Uint8Array => Buffer.from(text);

/** One JSON object of the contract's `PacketAnswer`, written as it is read. */
export async function* jsonAnswer(runs: Runs, completeness: () => Promise<Completeness>): Pieces {
  const rows = new PacketRows();
  yield [bytesOf('{"packets":[')];
  let separator = '';
  function* written(run: readonly MatchedPacket[]) {
    for (const packet of run) {
      yield bytesOf(separator + JSON.stringify(rows.rowOf(packet)));
      separator = ',';
    }
  }
  for await (const run of runs) yield written(run);
  yield [bytesOf(`],"completeness":${JSON.stringify(await completeness())}}`)];
}

/** A row per line, and last a line `{"completeness":…}`: without it the answer broke off. */
export async function* ndjsonAnswer(runs: Runs, completeness: () => Promise<Completeness>): Pieces {
  const rows = new PacketRows();
  function* written(run: readonly MatchedPacket[]) {
    for (const packet of run) yield bytesOf(`${JSON.stringify(rows.rowOf(packet))}\n`);
  }
  for await (const run of runs) yield written(run);
  yield [bytesOf(`${JSON.stringify({ completeness: await completeness() })}\n`)];
}
