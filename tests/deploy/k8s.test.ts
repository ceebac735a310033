import { AgentConfig } from '@bpfleet/capture-agent';
import { loadConfig } from '@bpfleet/service';
import { describe, expect, it } from 'vitest';
import { ProcessConfig as AnalyticsConfig } from '../../apps/analytics/src/config.js';
import { ProcessConfig as FilterManagerConfig } from '../../apps/filter-manager/src/config.js';
import { expectAgentFits, MIB } from './agent-memory.js';
import { hasKubectl, type K8sDocument, kustomized, listed, typeFaults } from './k8s-documents.js';

const kubectl = hasKubectl();
const documents = kubectl ? kustomized('k8s/base') : listed('k8s/base');
const workloads = documents.filter(({ spec }) => spec?.template !== undefined);
const named = (kind: string, name: string) =>
  documents.find((document) => document.kind === kind && document.metadata.name === name)!;
/** Those that stay. */
const servingOf = ({ spec }: K8sDocument) => spec.template.spec.containers;
const containersOf = ({ spec }: K8sDocument) => [
  ...(spec.template.spec.initContainers ?? []),
  ...spec.template.spec.containers,
];
const rows = workloads.map((document) => [document.metadata.name, document] as const);

describe('k8s/base', () => {
  it('holds the services, the agents and the migration', () => {
    const names = workloads.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`);
    expect(new Set(names)).toEqual(
      new Set([
        'DaemonSet bpfleet-agents/capture-agent',
        'Deployment bpfleet/analytics',
        'Deployment bpfleet/filter-manager',
        'Job bpfleet/migrate',
      ]),
    );
  });

  it('consists of documents that the Kubernetes API knows, field by field', () => {
    expect(typeFaults(documents)).toBe('');
  });

  it('would not pass that check with a misspelt field or a wrong type', () => {
    const agent = named('DaemonSet', 'capture-agent');
    const { hostNetwork: _, ...pod } = agent.spec.template.spec;
    const withPod = (spec: object) => ({
      ...agent,
      spec: { ...agent.spec, template: { ...agent.spec.template, spec } },
    });
    expect(typeFaults([withPod({ ...pod, hostNetwrok: true })])).toContain('hostNetwrok');
    expect(typeFaults([withPod({ ...pod, hostNetwork: 'yes' })])).toContain("Type 'string' is not assignable");
  });

  it.each(rows)('%s: containers get no privilege, write nowhere and are limited in memory', (_, workload) => {
    const pod = workload.spec.template.spec;
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    });
    for (const container of containersOf(workload)) {
      expect(container.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.resources.limits.memory).toMatch(/Mi$/);
      expect(container.resources.limits.cpu).toBeUndefined();
    }
  });

  it.each(rows.filter(([name]) => name !== 'capture-agent'))('%s: runs as an ordinary user', (_, workload) => {
    expect(workload.spec.template.spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
  });

  it('agents sit in the network of their node, capture, and start their other half as nobody', () => {
    const agent = named('DaemonSet', 'capture-agent');
    expect(agent.spec.template.spec).toMatchObject({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' });
    const [container] = servingOf(agent);
    expect(container.securityContext).toMatchObject({
      runAsUser: 0,
      capabilities: { drop: ['ALL'], add: ['NET_RAW', 'SETUID', 'SETGID'] },
    });
  });

  it('gives the agent the memory that it may take', () => {
    const [{ env, resources }] = servingOf(named('DaemonSet', 'capture-agent'));
    const setting = env.find(({ name }: { name: string }) => name === 'BPFLEET_AGENT_MEMORY_BYTES');
    const config = loadConfig(AgentConfig, setting && { [setting.name]: setting.value });
    expectAgentFits(config, Number.parseInt(resources.limits.memory, 10) * MIB);
  });

  it('only the namespace of the agents may give the network of the host', () => {
    const level = (name: string) => named('Namespace', name).metadata.labels?.['pod-security.kubernetes.io/enforce'];
    expect([level('bpfleet'), level('bpfleet-agents')]).toEqual(['restricted', 'privileged']);
  });

  it.each(rows.filter(([, { kind }]) => kind !== 'Job'))('%s: is probed', (_, workload) => {
    for (const container of servingOf(workload)) {
      expect(container.startupProbe.httpGet.path).toBe('/healthz/live');
      expect(container.livenessProbe.httpGet.path).toBe('/healthz/live');
      expect(container.readinessProbe.httpGet.path).toBe('/healthz/ready');
    }
  });

  it('names the database by a secret that it does not hold', () => {
    expect(documents.map(({ kind }) => kind)).not.toContain('Secret');
    expect(JSON.stringify(documents)).not.toMatch(/postgres(ql)?:\/\//);
  });

  it.each(['filter-manager', 'analytics'])('the service %s leads to the port that its pods open', (name) => {
    const service = named('Service', name);
    const deployment = named('Deployment', name);
    expect(deployment.spec.template.metadata.labels).toMatchObject(service.spec.selector);
    const port = containersOf(deployment)[0].ports[0];
    expect(service.spec.ports).toEqual([{ name: 'http', port: port.containerPort, targetPort: port.name }]);
  });

  // Only kubectl makes the ConfigMaps.
  describe.runIf(kubectl)(`the settings${kubectl ? '' : ' [skipped: no kubectl]'}`, () => {
    it('are such as agents can read', () => {
      const config = loadConfig(AgentConfig, environmentOf(named('DaemonSet', 'capture-agent')));
      expect(config.agentId).toBe('node-7');
      expect(config.server).toBe('http://filter-manager.bpfleet.svc:7420');
    });

    it.each([
      ['filter-manager', FilterManagerConfig],
      ['analytics', AnalyticsConfig],
    ] as const)('are such as %s can read, with the port it opens', (name, schema) => {
      const deployment = named('Deployment', name);
      const { BPFLEET_POSTGRES_URL_FILE: file, ...environment } = environmentOf(deployment);
      expect(file).toBe('/run/bpfleet/url');
      const config = loadConfig(schema, { ...environment, BPFLEET_POSTGRES_URL: 'postgres://db' });
      expect(config).toMatchObject({ listen: '0.0.0.0', port: containersOf(deployment)[0].ports[0].containerPort });
    });
  });
});

/** The variables a workload's first container gets. */
function environmentOf(workload: K8sDocument): Record<string, string> {
  const [container] = servingOf(workload);
  const given = Object.fromEntries(
    // biome-ignore lint/suspicious/noExplicitAny: as in K8sDocument
    (container.env as any[]).map(({ name, value, valueFrom }) => [name, valueFrom?.fieldRef ? 'node-7' : value]),
  );
  // biome-ignore lint/suspicious/noExplicitAny: as in K8sDocument
  const sets = (container.envFrom as any[]).map(({ configMapRef }) => named('ConfigMap', configMapRef.name).data);
  return Object.assign({}, ...sets, given);
}
