import type { TestKafka } from '@bpfleet/test-environment';

/**
 * A session that lets tests see a member's end, and a new one's coming, soon: kafkajs hears of it with a heartbeat, six
 * in a session. Brokers that are not ours keep Kafka's default minimum.
 */
export function shortSessionMs({ route }: Pick<TestKafka, 'route'>): number {
  return route === 'given' ? 6_000 : 3_000;
}
