import { writeFile } from 'node:fs/promises';

/** What a lone test broker needs, by Kafka's names: https://kafka.apache.org/43/configuration/broker-configs/ */
export const loneBrokerSettings: Readonly<Record<string, string>> = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
  // Without these, consumers wait for ever for replicas that will never be.
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  // One partition of consumer offsets is loaded sooner than fifty.
  'offsets.topic.num.partitions': '1',
  'group.initial.rebalance.delay.ms': '0',
  // A member that was killed is missed sooner than after the default minimum of 6 s.
  'group.min.session.timeout.ms': '1000',
  // A topic nobody made must stay an error.
  'auto.create.topics.enable': 'false',
};

/**
 * For a broker that tests kill: it may register again when its session has ended. Not for others: on a busy machine one
 * that is late by so much would be taken for dead, and its partitions would be without a leader.
 */
export const shortBrokerSession: Readonly<Record<string, string>> = {
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '500',
};

export interface BrokerPlace {
  /** Where it listens, and what it tells its clients when that is another. */
  readonly host: string;
  readonly advertisedHost?: string;
  readonly port: number;
  readonly controllerPort: number;
  /** Folder of its data. */
  readonly data: string;
  /** Beyond those above. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** The file that a broker is started with. */
export async function writeSettings(file: string, place: BrokerPlace): Promise<void> {
  const { host, advertisedHost = host, port, controllerPort } = place;
  const all = {
    ...loneBrokerSettings,
    listeners: `PLAINTEXT://${host}:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${advertisedHost}:${port}`,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'log.dirs': place.data,
    ...place.settings,
  };
  await writeFile(
    file,
    Object.entries(all)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
}
