import type { ServerResponse } from 'node:http';
import { queryApi, tailMediaTypes } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller, type OnModuleDestroy, Req, Res } from '@nestjs/common';
import { Clock } from '../clock.js';
import { sendStream } from '../packets/send-stream.js';
import { type TailMediaType, TailService } from './tail.service.js';

/** Express' content negotiation. */
interface NegotiatingRequest {
  accepts(types: readonly string[]): string | false;
}

const offered: readonly TailMediaType[] = Object.values(tailMediaTypes);

@Controller()
export class TailController implements OnModuleDestroy {
  readonly #stopping = new AbortController();

  constructor(
    private readonly tails: TailService,
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
    const mediaType = (request.accepts(offered) || refuse()) as TailMediaType;
    const signal = AbortSignal.any([call.signal, this.#stopping.signal]);
    const lastEventId = call.header('last-event-id') || undefined;
    const body = this.tails.chunks(call.query, lastEventId, mediaType, this.clock.nowMs(), signal);
    try {
      await sendStream({ mediaType: mediaType as never, body }, response, signal);
    } catch (error) {
      // The receiver hung up: nobody is left to be told.
      if (!call.signal.aborted) throw error;
    }
    return undefined;
  }

  /** Ends the tails: readers go on at another replica by their cursor. */
  onModuleDestroy(): void {
    this.#stopping.abort(new BpfleetError('STORE_UNAVAILABLE', 'the service is stopping; go on by the cursor'));
  }
}

function refuse(): never {
  throw new BpfleetError('REQUEST_INVALID', 'no tail in a form that the Accept header names', {
    hint: `accept one of ${offered.join(', ')}`,
  });
}
