import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What is noted of a request while it is answered. Never anything that it carries. */
export class RequestNote {
  /** On the monotonic clock, ms. */
  readonly startedAt = performance.now();
  /** A name of the code's own: the engine's route, a step of an interaction; never a path. */
  endpoint = 'other';
  /** The OAuth error code it was answered with. */
  error: string | undefined;
  readonly #request: IncomingMessage;
  readonly #adoptId: ((request: IncomingMessage) => string | undefined) | undefined;
  #id: string | undefined;

  constructor(request: IncomingMessage, adoptId?: (request: IncomingMessage) => string | undefined) {
    this.#request = request;
    this.#adoptId = adoptId;
  }

  /** Names the request in the log; made when a line asks for it, for most requests never. */
  get id(): string {
    this.#id ??= this.#adoptId?.(this.#request) ?? randomUUID();
    return this.#id;
  }
}

const NOTE = Symbol('what is noted of a request');

type Noted = IncomingMessage & { [NOTE]?: RequestNote };

/** Begins the note of a request. `adoptId` may answer an id that a trusted proxy gave it. */
export function beginNote(
  request: IncomingMessage,
  adoptId?: (request: IncomingMessage) => string | undefined,
): RequestNote {
  const note = new RequestNote(request, adoptId);
  (request as Noted)[NOTE] = note;
  return note;
}

/** The note of a request; none where nobody observes (the management port). */
export function noteOf(request: IncomingMessage): RequestNote | undefined {
  return (request as Noted)[NOTE];
}
