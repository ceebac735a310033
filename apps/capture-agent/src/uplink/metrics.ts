import { Counter, type Registry } from 'prom-client';

export const senderMetrics = (registry: Registry) => ({
  sectionsSent: new Counter({
    registers: [registry],
    name: 'bpfleet_agent_sender_sections_total',
    help: 'Sections acknowledged by the bus.',
  }),
  sectionsUnsigned: new Counter({
    registers: [registry],
    name: 'bpfleet_agent_sender_sections_unsigned_total',
    help: 'Sections given up because the key of their epoch is lost.',
  }),
  sendFailures: new Counter({
    registers: [registry],
    name: 'bpfleet_agent_sender_failures_total',
    help: 'Sends that were not acknowledged and are repeated.',
  }),
});
export type SenderMetrics = ReturnType<typeof senderMetrics>;
