import { Counter, type Registry } from 'prom-client';

export const uplinkMetrics = (registry: Registry) => ({
  sectionsSent: new Counter({
    registers: [registry],
    name: 'bpfleet_agent_uplink_sections_sent_total',
    help: 'Sections acknowledged by the bus.',
  }),
  sectionsDropped: new Counter({
    registers: [registry],
    name: 'bpfleet_agent_uplink_sections_dropped_total',
    help: 'Sections dropped because too many waited for the bus.',
  }),
  packetsDropped: new Counter({
    registers: [registry],
    name: 'bpfleet_agent_uplink_packets_dropped_total',
    help: 'Packets in the dropped sections.',
  }),
  sendFailures: new Counter({
    registers: [registry],
    name: 'bpfleet_agent_uplink_send_failures_total',
    help: 'Sends that were not acknowledged and are repeated.',
  }),
});

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
export type UplinkMetrics = ReturnType<typeof uplinkMetrics>;
