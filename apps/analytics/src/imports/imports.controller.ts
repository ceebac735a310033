import type { IncomingMessage } from 'node:http';
import { type ImportResult, importMediaType, queryApi } from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller, Req } from '@nestjs/common';
import { ImportsService } from './imports.service.js';

@Controller()
export class ImportsController {
  constructor(private readonly imports: ImportsService) {}

  @Call(queryApi.importCapture, {
    summary: 'Stores a pcap or pcapng file, sent as the body: once, however often it is sent',
    headers: { 'content-type': importMediaType },
  })
  importCapture(
    { query, signal }: CallOf<typeof queryApi.importCapture>,
    @Req() request: IncomingMessage,
  ): Promise<ImportResult> {
    return this.imports.import(request, query, signal);
  }
}
