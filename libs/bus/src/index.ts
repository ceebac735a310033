export * from './bus.js';
export { InProcessBus, type InProcessBusOptions } from './in-process/in-process-bus.js';
export { KafkaBus } from './kafka/kafka-bus.js';
export {
  type BusLogger,
  type ConnectionWatch,
  type ConsumerWatch,
  defaultPartitionsAtOnce,
  type KafkaBusOptions,
} from './kafka/kafka-options.js';
