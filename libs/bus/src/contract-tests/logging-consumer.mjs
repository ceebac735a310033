// A consumer in a process of its own, which a test may stop and continue: prints each call of its handler as a line.
// Arguments: broker, topic, session timeout in ms. Uses built code: Node cannot run the sources.
import { KafkaBus } from '../../dist/index.js';

const [broker, topic, sessionTimeoutMs] = process.argv.slice(2);
const say = (call, log) => process.stdout.write(`${call} ${log.partition}\n`);
const bus = new KafkaBus({
  ...{ brokers: [broker], clientId: 'child', ownId: async () => 'test' },
  sessionTimeoutMs: Number(sessionTimeoutMs),
});
const consumer = bus.consumer({
  topic,
  group: topic,
  handler: {
    async assigned(log) {
      say('assigned', log);
      return (await log.bounds()).end;
    },
    async read(log, records) {
      say('read', log);
      return records.at(-1).offset + 1n;
    },
    async revoked(log) {
      say('revoked', log);
    },
  },
  onError: () => undefined,
});
await consumer.start();
