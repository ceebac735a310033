import { randomUUID } from 'node:crypto';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigResourceTypes, type EachMessageHandler } from 'kafkajs';
import { numbersIn } from '../../e2e/numbered-traffic.js';
import { endsOf } from '../rig/log-ends.js';
import type { OneHost } from './one-host.js';

/** Whatever block stands there: the section's checksum is over all of them. */
const FROM_END_BYTES = 40;

/** A record as the broker has it. */
export interface LoggedRecord {
  readonly partition: number;
  readonly offset: string;
  readonly value: Buffer;
  /** Of the packets in it. */
  readonly numbers: readonly number[];
}

/** What a broker of the test's own keeps on its disk. */
export class LogOnDisk {
  constructor(
    private readonly rig: OneHost,
    /** `log.dirs` of the broker. */
    private readonly folder: string,
  ) {}

  get #topic(): string {
    return this.rig.fleet.topic;
  }

  /** From now on values stand in its files as they were sent. */
  async compressNothing(): Promise<void> {
    const configEntries = [{ name: 'compression.type', value: 'uncompressed' }];
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: this.#topic, configEntries }];
    await this.rig.withAdmin((admin) => admin.alterConfigs({ validateOnly: false, resources }));
  }

  ends(): Promise<Map<number, string>> {
    return this.rig.withAdmin((admin) => endsOf(admin, this.#topic));
  }

  /** Those from `ends` on, partition by partition. */
  async since(ends: ReadonlyMap<number, string>): Promise<LoggedRecord[]> {
    const now = await this.ends();
    const left = new Map([...now].filter(([partition, end]) => end !== ends.get(partition)));
    const records: LoggedRecord[] = [];
    // What is before stands there compressed.
    const groupId = `log-on-disk-${randomUUID()}`;
    const partitions = [...ends].map(([partition, offset]) => ({ partition, offset }));
    await this.rig.withAdmin((admin) => admin.setOffsets({ groupId, topic: this.#topic, partitions }));
    const consumer = this.rig.newClient().consumer({ groupId });
    await consumer.connect();
    await consumer.subscribe({ topic: this.#topic });
    await new Promise<void>((resolve, reject) => {
      const eachMessage: EachMessageHandler = async ({ partition, message: { offset, value } }) => {
        records.push({ partition, offset, value: value!, numbers: numbersIn(value!) });
        if (BigInt(offset) + 1n >= BigInt(now.get(partition)!)) left.delete(partition);
        if (left.size === 0) resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
    await consumer.disconnect();
    return records.sort((a, b) => a.partition - b.partition || Number(BigInt(a.offset) - BigInt(b.offset)));
  }

  /** The log begins behind it, as when its time is over. */
  async giveUpTo({ partition, offset }: LoggedRecord): Promise<void> {
    const partitions = [{ partition, offset: String(BigInt(offset) + 1n) }];
    await this.rig.withAdmin(async (admin) => {
      // Of a topic that it has not asked about kafkajs does not know who has it.
      await endsOf(admin, this.#topic);
      await admin.deleteTopicRecords({ topic: this.#topic, partitions });
    });
  }

  /** One of its last bytes is another one on the disk, which no broker looks at again. */
  async damage({ partition, value }: LoggedRecord): Promise<void> {
    const folder = join(this.folder, `${this.#topic}-${partition}`);
    for (const name of await readdir(folder)) {
      const file = join(folder, name);
      const at = name.endsWith('.log') ? (await readFile(file)).indexOf(value) : -1;
      if (at < 0) continue;
      const place = value.length - FROM_END_BYTES;
      const handle = await open(file, 'r+');
      await handle.write(Uint8Array.of(value[place]! ^ 0xff), 0, 1, at + place);
      await handle.close();
      return;
    }
    throw new Error(`no file of ${folder} has the record`);
  }
}
