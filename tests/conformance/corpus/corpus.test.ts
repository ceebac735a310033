import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '@bpfleet/pcap-filter';
import { describe, expect, it } from 'vitest';
import { linkFormNamed } from '../link-types.js';
import { askOurs, runOurs } from '../ours.js';
import { whole } from '../packets/packets.js';

/** One line of the corpus, as `reproduction` prints it, with the answer that is right and what was wrong. */
interface PastFailure {
  readonly why: string;
  readonly expression: string;
  readonly form: string;
  readonly packet: string;
  readonly expected: boolean;
}

const corpus = JSON.parse(readFileSync(join(import.meta.dirname, 'past-failures.json'), 'utf8')) as PastFailure[];

describe('what once failed', () => {
  it.each(corpus)('stays right: $why ($expression on $form)', ({ expression, form, packet, expected }) => {
    const ours = askOurs(compile, expression, linkFormNamed(form));
    if ('refusal' in ours) throw new Error(ours.refusal.message);
    const { optimised, plain } = runOurs(ours, whole(Uint8Array.from(Buffer.from(packet, 'hex'))));
    expect([optimised !== 0, plain !== 0]).toEqual([expected, expected]);
  });
});
