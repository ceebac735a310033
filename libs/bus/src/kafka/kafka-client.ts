import { isIP, connect as openTcp, type Socket } from 'node:net';
import { connect as openTls } from 'node:tls';
import { BpfleetError } from '@bpfleet/errors';
import type { ISocketFactoryArgs, Kafka, LogEntry } from 'kafkajs';
import type { BusLogger, KafkaBusOptions } from './kafka-options.js';
import { kafkajs } from './kafkajs.js';

const CONNECT_TIMEOUT_MS = 3_000;
const KEEP_ALIVE_AFTER_MS = 10_000;
export const defaultRequestTimeoutMs = 10_000;

/**
 * One life of a kafkajs client. Its promises are known to hang (tulios/kafkajs#909, #918, #1167), so each is awaited
 * with a deadline, and a client that missed one is torn down with its sockets. Whoever used it makes a new one.
 */
export class KafkaClient {
  readonly kafka: Kafka;
  readonly requestTimeoutMs: number;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<(reason: Error) => void>();
  #end: 'planned' | 'failed' | undefined;

  constructor(private readonly options: KafkaBusOptions) {
    this.requestTimeoutMs = options.requestTimeoutMs ?? defaultRequestTimeoutMs;
    const { logger } = options;
    this.kafka = new kafkajs.Kafka({
      brokers: [...options.brokers],
      clientId: options.clientId,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: this.requestTimeoutMs,
      retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000 },
      socketFactory: (args) => this.#openSocket(args),
      ...(options.tls && { ssl: options.tls }),
      ...(options.sasl && { sasl: options.sasl }),
      logLevel: logger ? kafkajs.logLevel.INFO : kafkajs.logLevel.NOTHING,
      logCreator: () => (entry) => logger && forward(entry, logger, this.#end === 'planned'),
    });
  }

  get isDown(): boolean {
    return this.#end !== undefined;
  }

  /**
   * Awaits what kafkajs does, but not longer than `timeoutMs`, and not beyond the client's end.
   * @throws BpfleetError `BUS_TIMEOUT`; the client is then torn down
   */
  async within<T>(timeoutMs: number, what: string, work: () => Promise<T>): Promise<T> {
    let giveUp: (error: Error) => void = () => undefined;
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    const timer = setTimeout(() => {
      const brokers = this.options.brokers.join(', ');
      this.tearDown(new BpfleetError('BUS_TIMEOUT', `Kafka at ${brokers} did not ${what} within ${timeoutMs} ms`));
    }, timeoutMs);
    this.#waiting.add(giveUp);
    try {
      return await Promise.race([work(), givenUp]);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(giveUp);
    }
  }

  /**
   * Ends all connections and all waiting at once, answers or not, and lets no new connection be made.
   * @param failure why; undefined: as planned, or for what whoever uses it tells itself
   */
  tearDown(failure?: Error): void {
    this.#end ??= failure ? 'failed' : 'planned';
    const reason = failure ?? new BpfleetError('BUS_CLOSED', 'the connection to Kafka was closed');
    for (const giveUp of this.#waiting) giveUp(reason);
    this.#waiting.clear();
    // With an error, and not just closed: kafkajs then ends the requests that wait for an answer.
    for (const socket of this.#sockets) socket.destroy(reason);
    this.#sockets.clear();
  }

  #openSocket({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
    if (this.isDown) throw new Error('the client was torn down');
    const name = isIP(host) ? {} : { servername: host };
    const socket = this.options.tls
      ? openTls({ host, port, ...name, ...ssl }, onConnect)
      : openTcp({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS).setNoDelay(true);
    this.#sockets.add(socket);
    this.options.watch?.opened();
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }
}

/**
 * kafkajs calls an error what it goes on to retry, and tells the story of each connection as information.
 * @param isOver the connections were closed as planned, which it calls an error too
 */
function forward({ namespace, level, log }: LogEntry, logger: BusLogger, isOver: boolean): void {
  // Of an error it hands over the stack as a field; the message is in `said`.
  const { message, timestamp: _, logger: __, stack: ___, ...fields } = log;
  const facts = { ...fields, namespace, said: message };
  const isTrouble = level === kafkajs.logLevel.ERROR || level === kafkajs.logLevel.WARN;
  if (isTrouble && !isOver) logger.warn(facts, 'kafka client has trouble');
  else logger.debug(facts, 'kafka client');
}
