import type { Server } from 'node:http';
import { endIdleRequests } from './idle-requests.js';
import { takeLongHeaders } from './long-headers.js';
import { answerUnreadableRequests } from './unreadable-requests.js';

/** Gives a server what each of ours does with requests that are long, slow or none at all. Before it listens. */
export function prepareServer(server: Server): void {
  endIdleRequests(server);
  takeLongHeaders(server);
  answerUnreadableRequests(server);
}
