/** Tables of analytics whose rows belong to one agent each: past one Postgres they are spread by it. */
export const tablesByAgent = [
  'section',
  'flow',
  'flow_minute',
  'flow_ten_minutes',
  'flow_hour',
  'progress',
  'ledger',
  'agent_loss',
  'identity_conflict',
] as const;

/** Of their rows. */
export const viewsByAgent = ['flow_direction'] as const;

/** Few rows, or none that one agent owns: they stay in one place. */
export const tablesInOnePlace = [
  'flow_hours',
  'leaving_partition',
  'log_end',
  'log_identity',
  'loss',
  'migration',
  'not_retained',
  'partition_range',
  'position',
  'quarantine',
  'registry',
] as const;
