import type { ServerResponse } from 'node:http';
import { type PacketDetail, packetMediaTypes, queryApi } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller, type OnModuleDestroy, Req, Res } from '@nestjs/common';
import { acceptedType, type NegotiatingRequest } from '../accepted-type.js';
import { Clock } from '../clock.js';
import { stalledMs } from './config.js';
import { type PacketMediaType, PacketsService } from './packets.service.js';
import { sendStream } from './send-stream.js';
import { stalledReader } from './stalled-reader.js';

const offered: readonly PacketMediaType[] = Object.values(packetMediaTypes);

@Controller()
export class PacketsController implements OnModuleDestroy {
  readonly #stopping = new AbortController();

  constructor(
    private readonly packets: PacketsService,
    private readonly clock: Clock,
  ) {}

  @Call(queryApi.listPackets, {
    summary: 'Stored packets that match a filter expression, the newest first.',
    produces: offered.filter((type) => type !== packetMediaTypes.json),
  })
  async listPackets(
    call: CallOf<typeof queryApi.listPackets>,
    @Req() request: NegotiatingRequest,
    @Res() response: ServerResponse,
  ): Promise<undefined> {
    const mediaType = acceptedType(request, offered);
    const stalled = stalledReader(response, stalledMs(call.query.timeoutMs));
    const signal = AbortSignal.any([call.signal, this.#stopping.signal, stalled]);
    try {
      const stream = await this.packets.answer(call.query, mediaType, this.clock.nowMs(), signal);
      await sendStream(stream, response, signal);
    } catch (error) {
      // The receiver hung up: nobody is left to be told. One that is ended is hung up on, which the log tells.
      if (stalled.aborted || !call.signal.aborted) throw error;
    }
    return undefined;
  }

  @Call(queryApi.getPacket, {
    summary: 'One stored packet in full: its layers and fields with their places, why it matched, and its bytes',
  })
  getPacket({ path, query, signal }: CallOf<typeof queryApi.getPacket>): Promise<PacketDetail> {
    return this.packets.packet(path.id, query.filter, signal);
  }

  /** Ends answers under way: a long download must not hold up the process's end. */
  onModuleDestroy(): void {
    this.#stopping.abort(new BpfleetError('STORE_UNAVAILABLE', 'the service is stopping; ask again'));
  }
}
