import { type IdentityConflicts, queryApi } from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller } from '@nestjs/common';
import { ConflictSource } from './conflict-source.js';

@Controller()
export class ConflictsController {
  constructor(private readonly conflicts: ConflictSource) {}

  @Call(queryApi.listIdentityConflicts, { summary: 'Agents that seem to be several: two with one state folder, say' })
  async listIdentityConflicts({ query }: CallOf<typeof queryApi.listIdentityConflicts>): Promise<IdentityConflicts> {
    const items = await this.conflicts.list(query.limit);
    return {
      items: items.map(({ firstNoticedAt, lastNoticedAt, kind, ...conflict }) => ({
        ...conflict,
        kind: kind as IdentityConflicts['items'][number]['kind'],
        firstNoticedAt: firstNoticedAt.toISOString(),
        lastNoticedAt: lastNoticedAt.toISOString(),
      })),
    };
  }
}
