// What `bpfleet agent doctor` asks of the agent itself: a line of JSON on stdout, after which it may be killed. In a process of its own, which confines itself to try it.
import { fileURLToPath } from 'node:url';
import { KafkaBus } from '@bpfleet/bus';
import type { AgentFindings, Finding } from '@bpfleet/contract/doctor';
import { platform } from '@bpfleet/linux';
import { createLogger, formatHostPort } from '@bpfleet/service';
import { hostInterfaces } from './choose-source.js';
import { parseEndpoint } from './control/excluded-endpoints.js';
import { KeptOrders } from './control/kept-orders.js';
import { brokerFinding } from './doctor/broker-finding.js';
import { seccompFinding, toolFindings, userFinding } from './doctor/confinement-findings.js';
import { foldersFinding } from './doctor/folders-finding.js';
import { identityFinding } from './doctor/identity-finding.js';
import { interfaceFindings } from './doctor/interface-findings.js';
import { listenFinding } from './doctor/listen-finding.js';
import { ownTrafficFinding } from './doctor/own-traffic-finding.js';
import { readConfig } from './doctor/read-config.js';
import { recordingFinding } from './doctor/recording-finding.js';
import { serverFindings } from './doctor/server-findings.js';
import { controlFolder, openerFolder, spoolDirOf } from './folders.js';
import { runAs } from './opener/run-as.js';

const BROKERS_MS = 3000;
const AGENT = fileURLToPath(new URL('./agent-main.js', import.meta.url));

const { config, findings } = readConfig(process.env);
// Before the findings: the last of them lets no program be started.
const owner = ownerOfFolders();
const ofFolders = [
  foldersFinding({ stateDir: config.agentStateDir, spoolDir: spoolDirOf(config) }),
  identityFinding(openerFolder(config.agentStateDir), config.agentId),
];
const answer: AgentFindings = {
  findings: [...findings, ...ofFolders, ...(await ofSettings()), ...(platform().ok ? ofHost() : [])],
  settings: {
    stateDir: config.agentStateDir,
    spoolDir: spoolDirOf(config),
    spoolBytes: config.agentSpoolBytes,
    ...(owner === undefined ? {} : { owner }),
  },
};
process.stdout.write(`${JSON.stringify(answer)}\n`);

/** Before all else: behind the seccomp filter no socket can be opened. */
async function ofSettings(): Promise<Finding[]> {
  const { listen, port, agentPcap, kafkaBrokers, server } = config;
  const ofSource = agentPcap === undefined ? ofOwnTraffic() : recordingFinding(agentPcap);
  const ofBrokers = kafkaBrokers
    .map(formatHostPort)
    .map((broker) => brokerFinding(broker, () => busOf([broker]).endpoints()));
  const ofServer = serverFindings(server, Date.now);
  return [...(await Promise.all([listenFinding(listen, port), ofSource, ...ofBrokers])), ...(await ofServer)];
}

function busOf(brokers: readonly string[]): KafkaBus {
  return new KafkaBus({ brokers, clientId: `bpfleet-doctor-${config.agentId}`, requestTimeoutMs: BROKERS_MS });
}

async function ofOwnTraffic(): Promise<Finding> {
  const { kafkaBrokers, server, agentStateDir } = config;
  const logger = createLogger({ name: 'doctor', level: 'silent' });
  const kept = await new KeptOrders(controlFolder(agentStateDir), logger).state();
  const bus = busOf(kafkaBrokers.map(formatHostPort));
  const configured = [parseEndpoint(server), ...kafkaBrokers];
  return ownTrafficFinding(() => bus.endpoints(), { configured, signed: kept?.state.excluded });
}

function ofHost(): Finding[] {
  const { agentInterfaces, agentUser, agentStateDir, agentPcap, agentSource } = config;
  if (agentPcap !== undefined) return [];
  const interfaces = interfaceFindings(agentInterfaces, hostInterfaces());
  if (agentSource === 'cap') return interfaces;
  const as = () => runAs(agentUser, AGENT, agentStateDir, openerFolder(agentStateDir));
  // The last one: behind it no program can be started.
  return [...interfaces, ...toolFindings(), userFinding(as), seccompFinding()];
}

/** The user of the process that writes the spool, where it is another one than ours. */
function ownerOfFolders(): AgentFindings['settings']['owner'] {
  const { agentUser, agentStateDir, agentPcap, agentSource } = config;
  if (agentPcap !== undefined || agentSource === 'cap' || process.getuid?.() !== 0) return undefined;
  try {
    return runAs(agentUser, AGENT, agentStateDir, openerFolder(agentStateDir)).owner;
  } catch {
    // No such user: `userFinding` says so.
    return undefined;
  }
}
