import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { AgentStatus, DesiredState, DsseEnvelope, fromBase64 } from '@bpfleet/contract';
import type { DesireOrder } from '../border/opener-port.js';
import type { SigningService } from './signing-service.js';

const LOOK_MS = 20;

/** The agent API over HTTP as an agent needs it: enrols everybody, answers one order, keeps what statuses say. */
export class FakeFilterManager {
  order: DesireOrder | undefined;
  readonly statuses: AgentStatus[] = [];
  requests = 0;
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));

  /** @param signing whose keys it tells who enrols */
  constructor(readonly signing: SigningService) {}

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    const serverTime = new Date().toISOString();
    const path = decodeURIComponent(request.url!.split('?')[0]!);
    const name = path.replace('/api/agent/v1/', '').split('/');
    if (name[0] === 'enrol') {
      const { enrolment } = await jsonOf(request);
      const { agent } = JSON.parse(textOf(DsseEnvelope.parse(enrolment).payload));
      reply(response, { agent, keys: [this.signing.key.publicKey], serverTime });
    } else if (name[0] === 'status') {
      this.statuses.push(AgentStatus.parse(await jsonOf(request)));
      reply(response, { serverTime, nonce: 'nonce' });
    } else if (name[0] === 'bundles') {
      response.end(
        Buffer.from(this.order!.bundles[this.#state!.entries.findIndex(({ digest }) => digest === name[1])]!, 'base64'),
      );
    } else await this.#desired(request, response);
  }

  get #state(): DesiredState | undefined {
    if (this.order === undefined) return undefined;
    return DesiredState.parse(JSON.parse(textOf(DsseEnvelope.parse(this.order.state).payload)));
  }

  async #desired(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const etag = () => `"${this.#state?.generation ?? -1}"`;
    const isKnown = () => this.order === undefined || request.headers['if-none-match'] === etag();
    while (isKnown() && !response.closed) await delay(LOOK_MS);
    if (this.order !== undefined && !isKnown()) {
      response.setHeader('etag', etag());
      reply(response, this.order.state);
    }
  }
}

const textOf = (base64: string): string => new TextDecoder().decode(fromBase64(base64));
const reply = (response: ServerResponse, body: unknown): unknown => response.end(JSON.stringify(body));

async function jsonOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}
