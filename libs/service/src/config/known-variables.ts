/**
 * Every variable that some bpfleet process reads. They often share one environment (a shell, a compose file, all
 * parts in one process), so an app takes its siblings' names for known and reports only what nobody reads.
 * Each app's tests assert that its own variables stand here.
 */
export const bpfleetVariables: readonly string[] = [
  'BPFLEET_AGENT_ID',
  'BPFLEET_AGENT_INTERFACES',
  'BPFLEET_AGENT_LABELS',
  'BPFLEET_AGENT_PCAP',
  'BPFLEET_AGENT_PENDING_BYTES',
  'BPFLEET_AGENT_RING_BYTES',
  'BPFLEET_AGENT_STATE_DIR',
  'BPFLEET_ANALYTICS_SERVER',
  'BPFLEET_DEBUG',
  'BPFLEET_ENROLMENT_TOKEN',
  'BPFLEET_ENROLMENT_TOKEN_FILE',
  'BPFLEET_EXCLUDED_ENDPOINTS',
  'BPFLEET_FLUSH_WINDOW_MS',
  'BPFLEET_KAFKA_BROKERS',
  'BPFLEET_LISTEN',
  'BPFLEET_LOG_LEVEL',
  'BPFLEET_PARTITIONS',
  'BPFLEET_PORT',
  'BPFLEET_POSTGRES_URL',
  'BPFLEET_POSTGRES_URL_FILE',
  'BPFLEET_REPORT_INTERVAL_MS',
  'BPFLEET_REQUIRE_SIGNATURES',
  'BPFLEET_SERVER',
  'BPFLEET_SIGNING_KEY',
  'BPFLEET_SIGNING_KEY_FILE',
  'BPFLEET_TOPIC_PREFIX',
];
