import type { LoggerService } from '@nestjs/common';
import type { Logger } from '../logger.js';

/**
 * Nest's own messages in our log. What Nest tells about its start (each module, each path) is of use only to somebody
 * who works on the service: debug.
 */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...context: unknown[]): void {
    this.logger.debug({ context: context.at(-1) }, text(message));
  }
  error(message: unknown, ...context: unknown[]): void {
    this.logger.error(
      { context: context.at(-1), ...(message instanceof Error ? { err: message } : {}) },
      text(message),
    );
  }
  warn(message: unknown, ...context: unknown[]): void {
    this.logger.warn({ context: context.at(-1) }, text(message));
  }
  debug(message: unknown, ...context: unknown[]): void {
    this.logger.debug({ context: context.at(-1) }, text(message));
  }
  verbose(message: unknown, ...context: unknown[]): void {
    this.logger.trace({ context: context.at(-1) }, text(message));
  }
  fatal(message: unknown, ...context: unknown[]): void {
    this.logger.fatal({ context: context.at(-1) }, text(message));
  }
}

const text = (message: unknown): string => (message instanceof Error ? message.message : String(message));
