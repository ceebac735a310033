import { createRequire } from 'node:module';
import type * as NativeCrc from '@node-rs/crc32';
import type * as KafkaJs from 'kafkajs';
import { type Encoder, keepParts } from './encoder-parts.js';
import { snappyCodec } from './snappy-codec.js';

/**
 * kafkajs 2.2.4 as we use it. Nobody maintains it, so what must be different is changed here, once, before anything else
 * sees it; each change has a test that fails when another version of kafkajs no longer has the place it is made in.
 */
const require = createRequire(import.meta.url);

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

useNativeCrc();
idleWhenNothingWaits();
keepParts((require('kafkajs/src/protocol/encoder') as { prototype: Encoder }).prototype);
export const kafkajs = require('kafkajs') as typeof KafkaJs;
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy] = () => snappyCodec;

/**
 * A record batch's CRC32C takes kafkajs 230 µs per 64 KiB in JavaScript, and 12 µs in native code. The encoder takes
 * the function when it is first loaded, so ours must be in the cache of modules before that.
 */
function useNativeCrc(): void {
  const path = require.resolve('kafkajs/src/protocol/recordBatch/crc32C');
  require(path);
  const native = require('@node-rs/crc32') as typeof NativeCrc;
  const module = require.cache[path];
  if (module) module.exports = (bytes: Uint8Array) => native.crc32c(bytes);
}

/**
 * kafkajs looks every millisecond whether a throttled request may go, even when none waits: 6 % of a core for each idle
 * client (tulios/kafkajs#1751). Without a request or a throttle there is nothing to look for.
 */
function idleWhenNothingWaits(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}
