import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentConfig } from '@bpfleet/capture-agent';
import { loadConfig } from '@bpfleet/service';
import { DCLinter } from 'dclint';
import { describe, expect, it } from 'vitest';
import { ProcessConfig as AnalyticsConfig } from '../../apps/analytics/src/config.js';
import { ProcessConfig as FilterManagerConfig } from '../../apps/filter-manager/src/config.js';
import { expectAgentFits, MIB } from './agent-memory.js';
import { type ComposeService, composeText, readComposeFile, root } from './compose-file.js';

const { services, volumes, networks } = readComposeFile();
const all = Object.entries(services);
const isOneShot = (service: ComposeService) => service.restart === 'no';
const isOurs = (service: ComposeService) => service.image?.includes('bpfleet:') ?? false;

describe('docker-compose.yml', () => {
  it('keeps to the compose specification', () => {
    expect(faultsOf(JSON.stringify(readComposeFile()))).toEqual([]);
  });

  it('would not pass that check with a misspelt key', () => {
    const { services: right, ...rest } = readComposeFile();
    const wrong = { ...rest, services: { ...right, kafka: { ...right.kafka, helthcheck: {} } } };
    expect(faultsOf(JSON.stringify(wrong))).toHaveLength(1);
  });

  it('names every version once', () => {
    const images = new Set(all.map(([, { image }]) => image));
    const ours = `\${BPFLEET_IMAGE:-bpfleet:0.1.0}`;
    expect(images).toEqual(new Set(['apache/kafka:4.3.1', ours, 'postgres:18']));
    for (const image of [...images, 'node:20-bookworm-slim']) expect(composeText().split(image!)).toHaveLength(2);
  });

  it('builds from the base image that the Dockerfile names', () => {
    expect(readFileSync(join(root, 'Dockerfile'), 'utf8')).toContain(
      `ARG NODE_IMAGE=${services.secrets?.build?.args?.NODE_IMAGE}\n`,
    );
  });

  it.each(all)('%s has a health check if it stays', (_, service) => {
    expect(service.healthcheck !== undefined).toBe(!isOneShot(service));
  });

  // `up --wait` takes a process that ended for a failure, unless another service waits for its end.
  it.each(all.filter(([, service]) => isOneShot(service)))('%s ends, and others wait for that', (name) => {
    const waiting = all.map(([, { depends_on }]) => depends_on?.[name]?.condition).filter(Boolean);
    expect(new Set(waiting)).toEqual(new Set(['service_completed_successfully']));
  });

  it('opens ports on this machine only', () => {
    for (const [, { ports }] of all) for (const port of ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('fits into 4 GB', () => {
    const limits = all.map(([, { mem_limit }]) => megabytes(mem_limit));
    expect(limits.every((limit) => limit > 0)).toBe(true);
    const staying = all.filter(([, service]) => !isOneShot(service)).map(([, { mem_limit }]) => megabytes(mem_limit));
    expect(staying.reduce((sum, limit) => sum + limit, 0)).toBeLessThanOrEqual(4096);
  });

  it.each(all)('%s cannot gain privileges', (_, service) => {
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
  });

  it.each(all.filter(([, service]) => isOurs(service)))('%s has only the capability it needs', (name, service) => {
    expect(service).toMatchObject({ cap_drop: ['ALL'], read_only: true });
    const agent = name.startsWith('agent-');
    expect(service.cap_add).toEqual(agent ? ['NET_RAW', 'SETUID', 'SETGID'] : undefined);
    expect(service.user).toBe(agent ? '0:0' : undefined);
  });

  it('keeps passwords out of arguments and variables', () => {
    for (const [, { command, environment, healthcheck }] of all) {
      expect(JSON.stringify([command, environment, healthcheck])).not.toMatch(/postgres(ql)?:\/\/\w+:/);
      for (const [name, value] of Object.entries(environment ?? {})) {
        if (/PASSWORD|POSTGRES_URL|TOKEN|KEY/.test(name))
          expect([name, value]).toEqual([expect.stringMatching(/_FILE$/), expect.anything()]);
      }
    }
  });

  it('shows the secret of enrolment to agents and the service that asks for it, and no more secrets to agents', () => {
    const mounting = (volume: string) =>
      all
        .filter(([, { volumes: mounts }]) => mounts?.some((mount) => mount.startsWith(`${volume}:`)))
        .map(([name]) => name);
    expect(mounting('enrolment')).toEqual(['secrets', 'filter-manager', 'agent-1', 'agent-2']);
    expect(mounting('secrets').filter((name) => name.startsWith('agent'))).toEqual([]);
  });

  it('uses the volumes and networks it declares', () => {
    const mounted = all.flatMap(([, service]) => service.volumes ?? []).map((volume) => volume.split(':')[0]);
    expect(new Set(mounted)).toEqual(new Set(Object.keys(volumes)));
    const joined = all.flatMap(([, service]) => service.networks ?? []);
    expect(new Set(joined)).toEqual(new Set(Object.keys(networks)));
  });

  it.each(['agent-1', 'agent-2'])('configures %s as it can read', (name) => {
    const { BPFLEET_ENROLMENT_TOKEN_FILE: token, ...environment } = services[name]!.environment!;
    expect(token).toBe('/run/bpfleet-enrolment/token');
    expect(loadConfig(AgentConfig, environment)).toMatchObject({ kafkaBrokers: [{ host: 'kafka', port: 9092 }] });
  });

  it.each(['agent-1', 'agent-2'])('gives %s the memory that it may take', (name) => {
    const { environment, mem_limit } = services[name]!;
    const { BPFLEET_ENROLMENT_TOKEN_FILE: _, ...settings } = environment!;
    expectAgentFits(loadConfig(AgentConfig, settings), megabytes(mem_limit) * MIB);
  });

  it.each([
    ['filter-manager', FilterManagerConfig, 7420],
    ['analytics', AnalyticsConfig, 7421],
  ] as const)('configures %s as it can read, on the port it opens', (name, schema, port) => {
    const {
      BPFLEET_POSTGRES_URL_FILE: file,
      BPFLEET_ENROLMENT_TOKEN_FILE: token,
      ...environment
    } = services[name]!.environment!;
    expect(file).toBe('/run/bpfleet/postgres-url');
    expect(token).toBe(name === 'filter-manager' ? '/run/bpfleet-enrolment/token' : undefined);
    const config = loadConfig(schema, { ...environment, BPFLEET_POSTGRES_URL: 'postgres://db' });
    expect(config).toMatchObject({ listen: '0.0.0.0', port });
    expect(services[name]!.ports?.[0]).toMatch(new RegExp(`:${port}$`));
  });
});

describe('the official images, as their pages document them', () => {
  it('postgres 18 keeps its data below /var/lib/postgresql and reads its password from a file', () => {
    expect(services.postgres!.volumes).toContain('postgres:/var/lib/postgresql');
    const documented = ['POSTGRES_USER', 'POSTGRES_DB', 'POSTGRES_PASSWORD_FILE'];
    expect(Object.keys(services.postgres!.environment!)).toEqual(documented);
  });

  it('apache/kafka gets every setting, since one replaces all defaults, and keeps its data where it declares a volume', () => {
    const environment = services.kafka!.environment!;
    expect(services.kafka!.volumes).toEqual(['kafka:/var/lib/kafka/data']);
    expect(environment.KAFKA_LOG_DIRS).toBe('/var/lib/kafka/data');
    // docker/examples of Apache Kafka: the settings of a single node in KRaft mode.
    for (const name of ['NODE_ID', 'PROCESS_ROLES', 'LISTENERS', 'ADVERTISED_LISTENERS', 'CONTROLLER_LISTENER_NAMES']) {
      expect(environment).toHaveProperty(`KAFKA_${name}`);
    }
    expect(services.kafka!.command).toBeUndefined();
  });
});

/** What dclint says. The order of keys is a matter of taste, and it knows no anchors: those are resolved before. */
function faultsOf(text: string): string[] {
  const taste = [
    'service-keys-order',
    'services-alphabetical-order',
    'service-dependencies-alphabetical-order',
    'service-ports-alphabetical-order',
    'top-level-properties-order',
    'no-quotes-in-volumes',
    'require-quotes-in-ports',
    'no-build-and-image',
    'require-project-name-field',
  ];
  const rules = Object.fromEntries(taste.map((name) => [name, 0 as const]));
  const folder = mkdtempSync(join(tmpdir(), 'bpfleet-compose-'));
  try {
    writeFileSync(join(folder, 'docker-compose.yml'), text);
    const linter = new DCLinter({ rules, quiet: false, debug: false, exclude: [] });
    // Its own declarations import without extensions, which Node's resolution does not follow.
    const files = linter.lintFiles([folder], false) as { messages: { message: string }[] }[];
    return files.flatMap(({ messages }) => messages.map(({ message }) => message));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function megabytes(limit: string | undefined): number {
  const [, count, unit] = /^(\d+)([mg])$/.exec(limit ?? '') ?? [];
  return Number(count ?? Number.NaN) * (unit === 'g' ? 1024 : 1);
}
