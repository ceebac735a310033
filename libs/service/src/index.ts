export { configHelp } from './config/config-help.js';
export {
  commaSeparated,
  formatHostPort,
  HostPort,
  HttpConfig,
  keyValues,
  LogConfig,
  logLevels,
  Port,
  PostgresConfig,
  ServerAddress,
} from './config/fields.js';
export { bpfleetVariables } from './config/known-variables.js';
export { type Environment, type LoadOptions, loadConfig } from './config/load-config.js';
export { nearest } from './config/nearest.js';
export { type Variable, variableNames, variablesOf } from './config/variables.js';
export { errorText, exitCodeOf } from './error-text.js';
export { httpStatusOf } from './http-status.js';
export { claimedAgent, signAgentToken, verifyAgentToken } from './keys/agent-token.js';
export { nodeCrypto } from './keys/node-crypto.js';
export { PrivateKey } from './keys/private-key.js';
export { type Component, Lifecycle } from './lifecycle.js';
export { listenError } from './listen-error.js';
export { createLogger, type Logger, type LoggerOptions } from './logger.js';
export { makeFolder } from './make-folder.js';
export { Counter, createMetrics, Gauge, Histogram, Registry } from './metrics.js';
export { prepareServer } from './prepare-server.js';
export { type FieldError, RequestInvalid, toProblem } from './problem.js';
export { type Host, type Running, runMain } from './run-main.js';
