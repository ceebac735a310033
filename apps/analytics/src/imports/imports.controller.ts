import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ImportResult, importMediaType, queryApi } from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller, Req, Res } from '@nestjs/common';
import { ImportsService } from './imports.service.js';
import { tellProcessing } from './tell-processing.js';

const PROCESSING_EVERY_MS = 30_000;

@Controller()
export class ImportsController {
  constructor(private readonly imports: ImportsService) {}

  @Call(queryApi.importCapture, {
    summary: 'Stores a pcap or pcapng file, sent as the body: once, however often it is sent',
    headers: { 'content-type': importMediaType },
  })
  async importCapture(
    { query, signal }: CallOf<typeof queryApi.importCapture>,
    @Req() request: IncomingMessage,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<ImportResult> {
    const endProcessing = tellProcessing(response, PROCESSING_EVERY_MS);
    try {
      // Not destroyed at the first fault: with the request its connection would end, and nobody be told what is wrong.
      return await this.imports.import(request.iterator({ destroyOnReturn: false }), query, signal);
    } finally {
      endProcessing();
      // What is left of it, and of no use: a client may look for the answer only when all is sent.
      request.resume();
    }
  }
}
