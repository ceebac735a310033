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
