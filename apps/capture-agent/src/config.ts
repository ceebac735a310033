import { hostname } from 'node:os';
import { AgentId, InterfacePatterns, Labels } from '@bpfleet/contract';
import { commaSeparated, HostPort, HttpConfig, keyValues, LogConfig, Port, ServerAddress } from '@bpfleet/service';
import { z } from 'zod';

const MiB = 1024 * 1024;
const bytes = z.coerce.number().int().min(MiB);

const AgentFields = z.object({
  ...LogConfig.shape,
  ...HttpConfig.shape,
  port: Port.default(7422).describe('port of /metrics and /healthz'),
  server: ServerAddress.default('http://127.0.0.1:7420').describe('the filter-manager'),
  kafkaBrokers: commaSeparated(HostPort)
    .pipe(z.array(z.object({ host: z.string(), port: z.number() })).min(1))
    .prefault('127.0.0.1:9092')
    .describe('Kafka brokers, host:port, comma separated'),
  topicPrefix: z.string().default('').describe('put before topic names'),
  agentId: AgentId.default(defaultId()).describe('names this agent in the whole fleet'),
  agentLabels: keyValues.pipe(Labels).prefault('').describe('labels that selectors pick: k=v, comma separated'),
  agentInterfaces: commaSeparated(z.string())
    .pipe(InterfacePatterns)
    .prefault('*')
    .describe('interfaces the agent may open: names or patterns with *, ! excludes'),
  enrolmentToken: z
    .string()
    .max(1024)
    .default('')
    .meta({ description: 'the secret that this fleet enrols agents by, as the filter-manager has it', secret: true }),
  agentUser: z
    .string()
    .default('')
    .describe('uid:gid of the process with the network connections; default: 65534:65534 where that can read the code'),
  agentStateDir: z.string().default('/var/lib/bpfleet-agent').describe('keeps the identity and the last desired state'),
  agentSpoolDir: z
    .string()
    .optional()
    .describe('keeps sections until Kafka has them; default: spool in the state folder'),
  agentSpoolBytes: bytes
    .default(1024 * MiB)
    .describe('sections that may wait on disk; over it the oldest are given up, counted'),
  agentSpoolHours: z.coerce.number().positive().default(72).describe('how long sections may wait on disk'),
  agentSource: z
    .enum(['ring', 'cap'])
    .default('ring')
    .describe('ring: filters run in the kernel; cap: libpcap by way of the npm package cap, filters run here'),
  agentAllowCap: z
    .union([z.boolean(), z.stringbool()], 'is true or false')
    .default(false)
    .describe('the source cap may be used: nothing it does can be attested, and one process keeps all privileges'),
  agentPcap: z.string().optional().describe('replay this capture file instead of capturing'),
  agentPcapSpeed: z
    .union([z.enum(['recorded', 'full']), z.coerce.number().positive()], 'is recorded, full, or packets per second')
    .default('full')
    .describe('of the replay: recorded, full, or packets per second'),
  agentRingBytes: bytes.default(64 * MiB).describe('memory for capture rings, shared by all sockets'),
  agentCpuPercent: z.coerce
    .number()
    .positive()
    .default(100)
    .describe('what the agent may take of one core; over it all filters keep less, step by step'),
  agentMemoryBytes: bytes.default(512 * MiB).describe('resident memory it may take, rings apart; over it likewise'),
  agentSendBytesPerSecond: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe('what it may send, before compression; 0: as fast as it can'),
  agentPendingBytes: bytes.default(64 * MiB).describe('sections that may wait in memory while the disk takes none'),
});

export const AgentConfig = AgentFields.refine(
  ({ agentPcap, agentSource }) => agentPcap === undefined || agentSource === 'ring',
  {
    path: ['agentSource'],
    error: 'a capture file (BPFLEET_AGENT_PCAP) is replayed instead of capturing: leave one of the two out',
  },
);
export type AgentConfig = z.infer<typeof AgentConfig>;

/** A host name may hold what an agent id may not. */
function defaultId(): string {
  return (
    hostname()
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 63) || 'agent'
  );
}
