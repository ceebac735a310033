import { BpfleetError } from '@bpfleet/errors';

const MIB = 1024 * 1024;

/**
 * The answer to a question, to be read by `json`, `text` or `arrayBuffer`: whatever the other side sends, no more than that is
 * taken in. Bytes count as they are read, so after decompression.
 * @returns its body alone, which rejects with `ANSWER_TOO_LARGE` as soon as it is longer; the connection ends then
 */
export function boundedAnswer({ body, url }: Response, maxBytes: number): Response {
  let left = maxBytes;
  const bound = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      left -= chunk.length;
      if (left < 0) throw tooLarge(url, maxBytes);
      controller.enqueue(chunk);
    },
  });
  return new Response(body?.pipeThrough(bound));
}

const tooLarge = (url: string, maxBytes: number): BpfleetError =>
  new BpfleetError('ANSWER_TOO_LARGE', `the answer of ${url} is larger than ${maxBytes / MIB} MiB`, {
    hint: 'is it bpfleet that answers there, of this version, and not a proxy?',
  });
