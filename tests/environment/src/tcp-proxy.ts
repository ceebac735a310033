import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Where the server is, and clients unless told otherwise. */
const HOST = '127.0.0.1';

/** One connection through the proxy: both its ends. */
interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Frozen: open, and nothing comes through any more. */
  isDead: boolean;
}

/**
 * A network between clients and one TCP server, which can fail in the ways that networks do. Clients connect to `port`.
 * A server that tells its clients where it is (Kafka's `advertised.listeners`) must name this port.
 */
export class TcpProxy {
  readonly #pairs = new Set<Pair>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #server: Server | undefined;
  #target: number | string | undefined;
  #held: Promise<void> | undefined;
  #isFrozen = false;
  #delayMs: () => number = () => 0;
  #connections = 0;

  /** Told of what clients send, as it comes. */
  onClientBytes: (bytes: Buffer) => void = () => undefined;

  private constructor(readonly port: number) {}

  /** Listens at once; connections are refused until `forwardTo`. @param host the address that clients connect to */
  static async start(host = HOST): Promise<TcpProxy> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
    server.listen(0, host);
    await once(server, 'listening');
    const proxy = new TcpProxy((server.address() as AddressInfo).port);
    proxy.#server = server.on('connection', (client) => proxy.#connect(client));
    return proxy;
  }

  /** Where connections go from now on: a port, or the path of a Unix socket. Undefined: they are refused. */
  forwardTo(target: number | string | undefined): void {
    this.#target = target;
  }

  /** How many connections were ever made. */
  get connections(): number {
    return this.#connections;
  }

  /** Breaks every connection: both sides get an RST. Returns how many there were. */
  reset(): number {
    const pairs = [...this.#pairs];
    for (const pair of pairs) this.#break(pair);
    return pairs.length;
  }

  /** `reset` each so often, until the function that is returned is called. It returns how many were broken. */
  resetEvery(ms: number): () => number {
    let broken = 0;
    const timer = setInterval(() => {
      broken += this.reset();
    }, ms);
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
      clearInterval(timer);
      return broken;
    };
  }

  /**
   * Half-open connections, as after a firewall forgot them: they stay open on both sides and nothing arrives, for good;
   * so do those made until `thaw`. What was on its way is lost.
   */
  freeze(): void {
    this.#isFrozen = true;
    for (const pair of this.#pairs) {
      pair.isDead = true;
      pair.client.pause();
      pair.server.pause();
    }
  }

  /** New connections work again; those that were frozen stay dead. */
  thaw(): void {
    this.#isFrozen = false;
  }

  /** Each piece that arrives goes on after so long, in order. */
  delay(ms: () => number): void {
    this.#delayMs = ms;
  }

  /** What arrives from now on waits until the function that is returned is called, and then goes on, in order. */
  hold(): () => void {
    let release = () => {};
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return () => {
      this.#held = undefined;
      release();
    };
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers.clear();
    const closed = this.#server && once(this.#server, 'close');
    this.#server?.close();
    this.reset();
    await closed;
    this.#server = undefined;
  }

  #connect(client: Socket): void {
    if (this.#target === undefined) {
      client.resetAndDestroy();
      return;
    }
    this.#connections += 1;
    const target = typeof this.#target === 'string' ? { path: this.#target } : { host: HOST, port: this.#target };
    const server = connect({ ...target, noDelay: true, allowHalfOpen: true });
    const pair: Pair = { client, server, isDead: this.#isFrozen };
    client.setNoDelay(true);
    this.#pairs.add(pair);
    for (const end of [client, server]) {
      end.on('error', () => undefined).once('close', (hadError) => this.#closed(pair, hadError));
    }
    if (pair.isDead) return;
    client.on('data', (bytes) => this.onClientBytes(bytes));
    this.#forward(client, server, pair);
    this.#forward(server, client, pair);
  }

  #forward(from: Socket, to: Socket, pair: Pair): void {
    let before: Promise<void> = Promise.resolve();
    const later = (work: () => void) => {
      const ms = this.#delayMs();
      if (ms === 0 && this.#held === undefined) before = before.then(work);
      else before = Promise.all([before, this.#held, this.#wait(ms)]).then(work);
    };
    from.on('data', (bytes) => {
      // One side that reads slowly slows the other down, as a network does.
      later(() => {
        if (!pair.isDead && !to.write(bytes)) from.pause();
      });
    });
    to.on('drain', () => {
      if (!pair.isDead) from.resume();
    });
    from.once('end', () => later(() => to.end()));
    from.resume();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }

  /** A failure of one end is one of the other, unless the connection is frozen: then nobody hears of it. */
  #closed(pair: Pair, hadError: boolean): void {
    if (pair.client.destroyed && pair.server.destroyed) this.#pairs.delete(pair);
    else if (hadError && !pair.isDead) this.#break(pair);
  }

  #break(pair: Pair): void {
    this.#pairs.delete(pair);
    for (const end of [pair.client, pair.server]) {
      // A Unix socket has no RST.
      if (end.remoteAddress === undefined) end.destroy();
      else end.resetAndDestroy();
    }
  }
}
