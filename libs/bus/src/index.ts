export * from './bus.js';
export { InProcessBus, type InProcessBusOptions } from './in-process/in-process-bus.js';
