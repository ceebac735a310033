/**
 * Kafka’s requests in what a client sends: 4 bytes of length, then an API key and a version of 2 bytes each
 * (https://kafka.apache.org/protocol#protocol_messages). Of several connections as long as none is split.
 */
export class RequestTap {
  readonly apiKeys: number[] = [];
  #rest: Buffer = Buffer.alloc(0);

  take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 6) {
      const end = 4 + this.#rest.readInt32BE(0);
      if (this.#rest.length < end) return;
      this.apiKeys.push(this.#rest.readInt16BE(4));
      this.#rest = this.#rest.subarray(end);
    }
  }
}
