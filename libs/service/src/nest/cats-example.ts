import { route } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { Controller, Module } from '@nestjs/common';
import { z } from 'zod';
import { Call, type CallOf } from './call.js';

// A small service that the tests of this folder run: what an app writes, and each way in which a handler may fail.

const Cat = z.object({ name: z.string().min(2), lives: z.int().default(9) });
export const api = {
  addCat: route({ method: 'POST', path: '/api/cats/{owner}', body: Cat, response: Cat.extend({ owner: z.string() }) }),
  listCats: route({
    method: 'GET',
    path: '/api/cats',
    query: z.object({ limit: z.coerce.number().int().max(5).default(3).describe('how many') }),
    response: z.object({ limit: z.int() }),
  }),
  dropCat: route({ method: 'DELETE', path: '/api/cats/{name}', response: z.undefined() }),
};

@Controller()
class CatsController {
  @Call(api.addCat, { status: 201 })
  async addCat({ path, body, reply }: CallOf<typeof api.addCat>) {
    if (body.name === 'bad syntax') {
      const options = { span: { start: 4, end: 10 }, hint: 'meow', cause: new Error('inner') };
      throw new BpfleetError('FILTER_SYNTAX', 'cats do not parse', options);
    }
    if (body.name === 'away') throw new BpfleetError('STORE_UNAVAILABLE', 'the database is away');
    if (body.name === 'defect') throw new TypeError('internal secret');
    if (body.name === 'defect behind headers') {
      // HTTP/1.0 has no place for a trailer: Node throws where it sends these headers.
      reply.header('Trailer', 'Cats');
      reply.header('ETag', '"8"');
      throw new TypeError('internal secret');
    }
    return { ...body, owner: path.owner, password: 'never shown' };
  }
  @Call(api.listCats)
  listCats({ query, header, reply }: CallOf<typeof api.listCats>) {
    if (header('if-none-match') === '"7"') return reply.status(304);
    reply.header('ETag', '"7"');
    return { limit: query.limit };
  }
  @Call(api.dropCat)
  dropCat(_call: CallOf<typeof api.dropCat>): undefined {}
}

@Module({ controllers: [CatsController] })
export class CatsModule {}
