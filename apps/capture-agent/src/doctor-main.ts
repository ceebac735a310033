// What `bpfleet agent doctor` asks of the agent itself: JSON on stdout. In a process of its own, which confines itself to try it.
import { fileURLToPath } from 'node:url';
import { KafkaBus } from '@bpfleet/bus';
import type { AgentFindings, Finding } from '@bpfleet/contract/doctor';
import { platform } from '@bpfleet/linux';
import { createLogger, formatHostPort } from '@bpfleet/service';
import { hostInterfaces } from './choose-source.js';
import { parseEndpoint } from './control/excluded-endpoints.js';
import { KeptOrders } from './control/kept-orders.js';
import { seccompFinding, toolFindings, userFinding } from './doctor/confinement-findings.js';
import { interfaceFindings } from './doctor/interface-findings.js';
import { listenFinding } from './doctor/listen-finding.js';
import { ownTrafficFinding } from './doctor/own-traffic-finding.js';
import { readConfig } from './doctor/read-config.js';
import { recordingFinding } from './doctor/recording-finding.js';
import { controlFolder, openerFolder, spoolDirOf } from './folders.js';
import { runAs } from './opener/run-as.js';

const BROKERS_MS = 3000;
const AGENT = fileURLToPath(new URL('./agent-main.js', import.meta.url));

const { config, findings } = readConfig(process.env);
const answer: AgentFindings = {
  findings: [...findings, ...(await ofSettings()), ...(platform().ok ? ofHost() : [])],
  settings: {
    server: config.server,
    brokers: config.kafkaBrokers.map(formatHostPort),
    stateDir: config.agentStateDir,
    spoolDir: spoolDirOf(config),
    spoolBytes: config.agentSpoolBytes,
  },
};
process.stdout.write(JSON.stringify(answer));

/** Before all else: behind the seccomp filter no socket can be opened. */
async function ofSettings(): Promise<Finding[]> {
  const { listen, port, agentPcap } = config;
  const ofSource = agentPcap === undefined ? ofOwnTraffic() : recordingFinding(agentPcap);
  return [await listenFinding(listen, port), await ofSource];
}

async function ofOwnTraffic(): Promise<Finding> {
  const { kafkaBrokers, server, agentStateDir, agentId } = config;
  const logger = createLogger({ name: 'doctor', level: 'silent' });
  const kept = await new KeptOrders(controlFolder(agentStateDir), logger).state();
  const brokers = kafkaBrokers.map(formatHostPort);
  const bus = new KafkaBus({ brokers, clientId: `bpfleet-doctor-${agentId}`, requestTimeoutMs: BROKERS_MS });
  const configured = [parseEndpoint(server), ...kafkaBrokers];
  return ownTrafficFinding(() => bus.endpoints(), { configured, signed: kept?.state.excluded });
}

function ofHost(): Finding[] {
  const { agentInterfaces, agentUser, agentStateDir, agentPcap, agentSource } = config;
  if (agentPcap !== undefined) return [];
  const interfaces = interfaceFindings(agentInterfaces, hostInterfaces());
  if (agentSource === 'cap') return interfaces;
  const as = () => {
    const { says } = runAs(agentUser, AGENT, agentStateDir, openerFolder(agentStateDir));
    return { says, keepsPrivileges: process.getuid?.() === 0 && says.startsWith('this user') };
  };
  // The last one: behind it no program can be started.
  return [...interfaces, ...toolFindings(), userFinding(as), seccompFinding()];
}
