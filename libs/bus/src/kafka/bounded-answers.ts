/** What a fetch takes at most, `BYTES_PER_FETCH`, with one batch more than fits into it; all other answers are small. */
const MOST_BYTES = 32 * 2 ** 20;
/** Of an answer's length, ahead of it. */
const LENGTH_BYTES = 4;

/** A connection of kafkajs, as far as it is needed here. */
export interface AnswerReader {
  /** Until there are so many there is nothing to read: a length, or that and its answer. */
  readonly bytesNeeded: number;
  readonly socket: { destroy(error: Error): void };
  processData(chunk: Buffer): void;
}

/**
 * Whoever answers at a broker's address may be none. kafkajs collects as many bytes as an answer says it has, 2 GiB if need
 * be, and throws in the socket's event, which ends the process, where there are too few for a correlation id. Both end the connection here: that is an error as any other of the network, and who asked tries again.
 */
export function boundAnswers(prototype: AnswerReader): void {
  const { processData } = prototype;
  prototype.processData = function (this: AnswerReader, chunk) {
    try {
      processData.call(this, chunk);
      if (this.bytesNeeded > LENGTH_BYTES + MOST_BYTES) throw new Error(`an answer of ${this.bytesNeeded} bytes`);
    } catch (error) {
      this.socket.destroy(new Error(`no answer of Kafka's protocol: ${(error as Error).message}`, { cause: error }));
    }
  };
}
