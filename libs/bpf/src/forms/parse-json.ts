import { BpfleetError } from '@bpfleet/errors';

/** @throws BpfleetError `PROGRAM_INVALID`, with the place where the engine names it */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { message } = cause as Error;
    const place =
      / at position (\d+)/.exec(message)?.[1] ?? (/ end of /.test(message) ? text.trimEnd().length : undefined);
    const span = place === undefined ? undefined : { start: Number(place), end: Number(place) + 1 };
    const refusal = `the text looks like JSON and is none: ${message}`;
    throw new BpfleetError('PROGRAM_INVALID', refusal, { cause, ...(span && { span }) });
  }
}
