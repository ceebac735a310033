import { internalApi, parseDurationMs, type Registry } from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller } from '@nestjs/common';
import { LongPolls, numberedTag } from '../long-poll/long-polls.js';
import { REGISTRY_CHANGED, RegistryStore } from './registry-store.js';

/** What other services of bpfleet call. */
@Controller()
export class RegistryController {
  constructor(
    private readonly polls: LongPolls,
    private readonly store: RegistryStore,
  ) {}

  @Call(internalApi.getRegistry, {
    unknownFields: 'ignore',
    summary: 'Agents with their identity keys, filters, and every version: for analytics',
    headers: { 'If-None-Match': 'the revision it has: with it, the call waits for another one' },
    alsoAnswers: { 304: 'The revision is still that one.' },
  })
  async getRegistry(call: CallOf<typeof internalApi.getRegistry>): Promise<Registry | undefined> {
    const { query, header, reply, signal } = call;
    const known = numberedTag(header('if-none-match'));
    const waitMs = known === undefined ? 0 : parseDurationMs(query.wait);
    const registry = await this.polls.answer({ topic: REGISTRY_CHANGED, waitMs, signal }, async () =>
      known !== undefined && (await this.store.revision()) === known ? undefined : this.store.read(),
    );
    reply.header('ETag', `"${registry?.revision ?? known}"`);
    return registry ?? reply.status(304);
  }
}
