import { sumOf } from './checksum.js';
import { clientHello } from './client-hello.js';
import { dnsExchange } from './dns.js';
import { externalAddress } from './hosts.js';
import type { Random } from './random.js';

/** A payload that is made once for many packets, and the sum of its words. */
export interface Message {
  readonly bytes: Uint8Array;
  readonly sum: number;
}

/** What is asked and told of one name. */
export interface Messages {
  /** Their id is 0: each packet gets its own. */
  readonly question: Message;
  readonly answer: Message;
  readonly clientHello: Message;
}

const NAMES = 256;

/** Of the names that hosts ask for; a tenth of them for IPv6 addresses. */
export function makeMessages(random: Random): readonly Messages[] {
  const message = (bytes: Uint8Array): Message => ({ bytes, sum: sumOf(bytes) });
  return Array.from({ length: NAMES }, (_, host) => {
    const name = `www.shop-${host}.example`;
    const { question, answer } = dnsExchange(0, name, externalAddress(host, host % 10 === 9));
    const hello = clientHello(name, () => random() * 256);
    return { question: message(question), answer: message(answer), clientHello: message(hello) };
  });
}
