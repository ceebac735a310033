import type { ServerResponse } from 'node:http';
import { queryApi, tailMediaTypes } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller, type OnModuleDestroy, Req, Res } from '@nestjs/common';
import { acceptedType, type NegotiatingRequest } from '../accepted-type.js';
import { Clock } from '../clock.js';
import { sendStream } from '../packets/send-stream.js';
import { stalledReader } from '../packets/stalled-reader.js';
import { TAIL_LIMITS } from './config.js';
import { type TailMediaType, TailService } from './tail.service.js';
import { TailParts } from './tail-parts.js';

const offered: readonly TailMediaType[] = Object.values(tailMediaTypes);

@Controller()
export class TailController implements OnModuleDestroy {
  readonly #stopping = new AbortController();

  constructor(
    private readonly tails: TailService,
    private readonly parts: TailParts,
    private readonly clock: Clock,
  ) {}

  @Call(queryApi.tailPackets, {
    summary: 'Packets that match a filter expression: what is stored since a time, then what comes, without an end',
    produces: offered,
    headers: { 'Last-Event-ID': 'Goes on exactly behind this event' },
  })
  async tailPackets(
    call: CallOf<typeof queryApi.tailPackets>,
    @Req() request: NegotiatingRequest,
    @Res() response: ServerResponse,
  ): Promise<undefined> {
    const mediaType = acceptedType(request, offered);
    const { limits = TAIL_LIMITS, metrics, logger } = this.parts;
    const stalled = stalledReader(response, limits.stalledMs);
    const signal = AbortSignal.any([call.signal, this.#stopping.signal, stalled]);
    const lastEventId = call.header('last-event-id') || undefined;
    const body = this.tails.chunks(call.query, lastEventId, mediaType, this.clock.nowMs(), signal);
    try {
      await sendStream({ mediaType, body }, response, signal);
    } catch (error) {
      if (stalled.aborted) {
        metrics.stalledReaders.inc();
        logger.info({ limitMs: limits.stalledMs }, 'a reader that takes nothing was ended');
        response.destroy();
      }
      // The receiver hung up: nobody is left to be told.
      else if (!call.signal.aborted) throw error;
    }
    return undefined;
  }

  /** Ends the tails: readers go on at another replica by their cursor. */
  onModuleDestroy(): void {
    this.#stopping.abort(new BpfleetError('STORE_UNAVAILABLE', 'the service is stopping; go on by the cursor'));
  }
}
