import { createRequire } from 'node:module';
import type * as NativeCrc from '@node-rs/crc32';
import type * as KafkaJs from 'kafkajs';
import { type AnswerReader, boundAnswers } from './bounded-answers.js';
import { type Encoder, keepParts } from './encoder-parts.js';
import { snappyCodec } from './snappy-codec.js';
import { type DecodeBatch, standingIn } from './unreadable-batch.js';

/**
 * kafkajs 2.2.4 as we use it. Nobody maintains it, so what must be different is changed here, once, before anything else
 * sees it; each change has a test that fails when another version of kafkajs no longer has the place it is made in.
 */
const require = createRequire(import.meta.url);

interface ConsumerGroup {
  /** Unix ms. */
  lastRequest: number;
  heartbeat(options: { readonly interval: number }): Promise<void>;
}
interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  readonly enforceRequestTimeout: boolean;
  /** Milliseconds. */
  readonly requestTimeout: number;
  readonly inflight: ReadonlyMap<number, SentRequest>;
  requestTimeoutIntervalId: NodeJS.Timeout | undefined;
  scheduleCheckPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
  sendSocketRequest(request: unknown): void;
  isConnected(): boolean;
  destroy(): void;
}
interface SentRequest {
  /** Unix ms. */
  readonly sentAt: number;
  readonly requestTimeout: number;
  timeoutRequest(): void;
}

useNativeCrc();
idleWhenNothingWaits();
lookLessOftenForLateAnswers();
standInForUnreadable();
beatAlsoWhenTheClockIsSetBack();
boundAnswers((require('kafkajs/src/network/connection') as { prototype: AnswerReader }).prototype);
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

/** Of the time that an answer may take, this part more passes before it is given up; not more than a second. */
const LATE_SHARE = 0.1;
const MOST_LATE_MS = 1000;

/**
 * kafkajs looks ten times a second, on each connection, which answers are late, also while it waits for none: most of what wakes an
 * idle agent's main thread.
 */
function lookLessOftenForLateAnswers(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
  const { sendSocketRequest, destroy } = prototype;
  // With a new connection, which waits for nothing yet.
  prototype.scheduleRequestTimeoutCheck = function (this: RequestQueue) {
    this.destroy();
  };
  prototype.destroy = function (this: RequestQueue) {
    destroy.call(this);
    this.requestTimeoutIntervalId = undefined;
  };
  prototype.sendSocketRequest = function (this: RequestQueue, request) {
    try {
      sendSocketRequest.call(this, request);
    } finally {
      if (this.enforceRequestTimeout && this.inflight.size > 0) this.requestTimeoutIntervalId ??= watched(this);
    }
  };
}

/** Until it waits for no answer. */
function watched(queue: RequestQueue): NodeJS.Timeout {
  const everyMs = Math.min(MOST_LATE_MS, LATE_SHARE * queue.requestTimeout);
  const timer = setInterval(() => {
    const nowMs = Date.now();
    for (const request of queue.inflight.values()) {
      if (nowMs - request.sentAt > request.requestTimeout) request.timeoutRequest();
    }
    if (queue.inflight.size > 0 && queue.isConnected()) return;
    clearInterval(timer);
    queue.requestTimeoutIntervalId = undefined;
  }, everyMs);
  return timer;
}

/** Who decodes an answer takes this function when it is loaded, so ours must be there before that. */
function standInForUnreadable(): void {
  const path = require.resolve('kafkajs/src/protocol/recordBatch/v0/decoder');
  const decode = require(path) as DecodeBatch;
  const module = require.cache[path];
  if (module) module.exports = standingIn(decode);
}

/**
 * kafkajs sends the next heartbeat when the time of day is so much later. Set back, it would send none for as long: the
 * group gives its partitions to others, and this member does not hear of it.
 */
function beatAlsoWhenTheClockIsSetBack(): void {
  const { prototype } = require('kafkajs/src/consumer/consumerGroup') as { prototype: ConsumerGroup };
  const { heartbeat } = prototype;
  prototype.heartbeat = function (this: ConsumerGroup, options) {
    if (this.lastRequest > Date.now()) this.lastRequest = 0;
    return heartbeat.call(this, options);
  };
}
