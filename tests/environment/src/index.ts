export { addCables, cableNames, otherEnd, removeCables } from './cables.js';
export { createDatabase, type DatabaseTemplate, type TestDatabase } from './database.js';
export { imageIsMissing } from './docker.js';
export { freePorts } from './free-ports.js';
export { canMakeHosts, createHosts, type Host, Hosts, type HostsOptions } from './hosts.js';
export {
  type BrokerControl,
  canStartKafka,
  type KafkaOptions,
  kafkaImage,
  startKafka,
  startOwnKafka,
  type TestKafka,
  type Unavailable,
} from './kafka.js';
export { startContainerKafka } from './kafka-container.js';
export { type PostgresConnection, startPostgres, type TestPostgres } from './postgres.js';
export { postgresImage, startContainerPostgres } from './postgres-container.js';
export { postgresThrough } from './postgres-through.js';
export { notePostgres, serversUsed } from './servers-used.js';
export { TcpProxy } from './tcp-proxy.js';
export {
  type EchoPorts,
  type Exchange,
  exchange,
  type FrameSource,
  type FramesSent,
  type Running,
  sendFrames,
  startEchoServer,
} from './traffic.js';
