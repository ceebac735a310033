import { type Finding, no, ok, reasonOf } from '@bpfleet/contract/doctor';

/**
 * Whether a broker answers Kafka's requests: that something takes connections there says little.
 * @param ask asks that broker alone, and does not wait for ever
 */
export async function brokerFinding(endpoint: string, ask: () => Promise<unknown>): Promise<Finding> {
  const name = `broker ${endpoint}`;
  try {
    await ask();
    return ok(name, 'answers Kafka requests');
  } catch (error) {
    return no(name, reasonOf(error), 'sections wait in the spool until it can be reached; see BPFLEET_KAFKA_BROKERS');
  }
}
