import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BpfleetError } from '@bpfleet/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { configHelp } from './config-help.js';
import { commaSeparated, HostPort, keyValues, Port, PostgresConfig } from './fields.js';
import { bpfleetVariables } from './known-variables.js';
import { type Environment, loadConfig } from './load-config.js';

const Config = z.object({
  port: Port.default(7420).describe('port to listen on'),
  flushWindowMs: z.coerce.number().int().min(10).default(200),
  excludedEndpoints: commaSeparated(HostPort).default([]),
  agentLabels: keyValues.optional(),
  ...PostgresConfig.shape,
});
const url = 'postgres://u:secret@db/bpfleet';

function mistakesOf(environment: Environment): string {
  try {
    loadConfig(Config, environment);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return (error as BpfleetError).message;
  }
  throw new Error('the configuration was accepted');
}

describe('loadConfig', () => {
  it('takes defaults for what is not set, and an empty variable for not set', () => {
    expect(loadConfig(Config, { BPFLEET_POSTGRES_URL: url, BPFLEET_PORT: '' })).toEqual({
      port: 7420,
      flushWindowMs: 200,
      excludedEndpoints: [],
      postgresUrl: url,
    });
  });

  it('reads numbers, lists and key=value pairs', () => {
    const config = loadConfig(Config, {
      BPFLEET_POSTGRES_URL: url,
      BPFLEET_FLUSH_WINDOW_MS: '50',
      BPFLEET_EXCLUDED_ENDPOINTS: 'kafka:9092, [::1]:7420,',
      BPFLEET_AGENT_LABELS: 'env=prod,role=web',
    });
    expect(config.flushWindowMs).toBe(50);
    expect(config.excludedEndpoints).toEqual([
      { host: 'kafka', port: 9092 },
      { host: '::1', port: 7420 },
    ]);
    expect(config.agentLabels).toEqual({ env: 'prod', role: 'web' });
  });

  it('reports every mistake at once', () => {
    const message = mistakesOf({
      BPFLEET_PORT: 'http',
      BPFLEET_FLUSH_WINDOW_MS: '1',
      BPFLEET_EXCLUDED_ENDPOINTS: 'kafka',
      BPFLEET_PROT: '1',
    });
    expect(message).toMatch(/BPFLEET_PORT: .*\(it is "http"\)/);
    expect(message).toMatch(/BPFLEET_FLUSH_WINDOW_MS: /);
    expect(message).toMatch(/BPFLEET_EXCLUDED_ENDPOINTS: "kafka" is not host:port/);
    expect(message).toMatch(/BPFLEET_POSTGRES_URL: is required/);
    expect(message).toMatch(/BPFLEET_PROT: nothing reads this variable, did you mean BPFLEET_PORT\?/);
  });

  it('leaves the variables of sibling apps and of tests alone', () => {
    const siblings = Object.fromEntries(bpfleetVariables.map((name) => [name, '']));
    expect(() =>
      loadConfig(Config, { ...siblings, BPFLEET_POSTGRES_URL: url, BPFLEET_TEST_KAFKA: 'on', HOME: '/' }),
    ).not.toThrow();
  });

  it('names no variable when none is near', () => {
    expect(mistakesOf({ BPFLEET_POSTGRES_URL: url, BPFLEET_QQQ: '1' })).toMatch(/reads this variable$/m);
  });

  describe('secrets', () => {
    let directory: string;
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'bpfleet-config-'));
      writeFileSync(join(directory, 'url'), `${url}\n`);
    });
    afterAll(() => rmSync(directory, { recursive: true }));

    it('are read from the file that NAME_FILE names, without its last newline', () => {
      expect(loadConfig(Config, { BPFLEET_POSTGRES_URL_FILE: join(directory, 'url') }).postgresUrl).toBe(url);
    });
    it('are refused when given twice', () => {
      const both = { BPFLEET_POSTGRES_URL: url, BPFLEET_POSTGRES_URL_FILE: join(directory, 'url') };
      expect(mistakesOf(both)).toMatch(/set either BPFLEET_POSTGRES_URL or BPFLEET_POSTGRES_URL_FILE/);
    });
    it('name the file that cannot be read, and do not repeat it as missing', () => {
      const message = mistakesOf({ BPFLEET_POSTGRES_URL_FILE: join(directory, 'gone') });
      expect(message).toMatch(/BPFLEET_POSTGRES_URL_FILE: cannot read the file: .*gone/);
      expect(message).not.toMatch(/required/);
    });
    it('are never shown', () => {
      expect(mistakesOf({ BPFLEET_POSTGRES_URL: 'mysql://u:secret@db' })).not.toMatch(/secret@/);
    });
    it('may come from a file only when they are secrets', () => {
      expect(mistakesOf({ BPFLEET_POSTGRES_URL: url, BPFLEET_PORT_FILE: '/x' })).toMatch(/BPFLEET_PORT_FILE: nothing/);
    });
  });
});

describe('configHelp', () => {
  it('lists each variable with its default and meaning', () => {
    expect(configHelp(Config).split('\n').slice(0, 3)).toEqual([
      'variable                     default     meaning',
      'BPFLEET_PORT                 7420        port to listen on',
      'BPFLEET_FLUSH_WINDOW_MS      200',
    ]);
    expect(configHelp(Config)).toMatch(/^BPFLEET_POSTGRES_URL\[_FILE\] +\(required\) +postgres:/m);
  });
});
