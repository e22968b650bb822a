import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { beginNote, noteOf } from './request-note.ts';

/** Told of each request when it begins and when its answer is sent, or its client is gone. */
export class RequestObserver {
  readonly #metrics: Metrics;
  readonly #log: Log | undefined;
  readonly #adoptId: ((request: IncomingMessage) => string | undefined) | undefined;

  /** A line for each request is written at the level `debug` alone. `adoptId`: see RequestNote. */
  constructor(options: {
    metrics: Metrics;
    log: Log;
    adoptId?: (request: IncomingMessage) => string | undefined;
  }) {
    this.#metrics = options.metrics;
    this.#log = options.log.isLevelEnabled('debug') ? options.log : undefined;
    this.#adoptId = options.adoptId;
  }

  begun(request: IncomingMessage): void {
    beginNote(request, this.#adoptId);
  }

  ended(request: IncomingMessage, response: ServerResponse): void {
    const note = noteOf(request);
    if (note === undefined) return;
    const milliseconds = performance.now() - note.startedAt;
    const { endpoint, error } = note;
    const status = response.writableFinished ? response.statusCode : 0;
    this.#metrics.requests.ended(endpoint, Math.trunc(status / 100), error, milliseconds / 1000);
    this.#log?.debug(
      {
        requestId: note.id,
        method: request.method,
        endpoint,
        status,
        ...(error === undefined ? {} : { error }),
        milliseconds: Math.round(milliseconds * 100) / 100,
      },
      'request',
    );
  }
}
