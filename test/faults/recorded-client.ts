import { type AuthorizationRequest, answerIn } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import type { Action, History, HistoryEvent } from './history.ts';
import { logOut } from './log-out.ts';

/** How long (ms) a client waits for an answer. */
const PATIENCE_MILLISECONDS = 8000;

/** What an event is about, as far as whoever causes it knows before. */
export type About = Partial<Pick<HistoryEvent, 'person' | 'session' | 'family' | 'presented' | 'honest'>>;

export interface Recorded {
  event: HistoryEvent;
  // biome-ignore lint/suspicious/noExplicitAny: bodies differ from endpoint to endpoint.
  body: any;
}

interface Answer {
  status: number;
  text: string;
}

/** Sends requests to processes that share an issuer, each time to another, and writes into the history what became of them. */
export class RecordedClient {
  readonly history: History;
  readonly issuer: string;
  readonly #origins: readonly string[];
  #next = 0;

  constructor(history: History, issuer: string, origins: readonly string[]) {
    this.history = history;
    this.issuer = issuer;
    this.#origins = origins;
  }

  /** The same address at one of the processes. */
  at(url: URL | string): URL {
    const { pathname, search } = new URL(url, this.issuer);
    this.#next = (this.#next + 1) % this.#origins.length;
    return new URL(pathname + search, this.#origins[this.#next]);
  }

  /** A form to an endpoint, or a plain request when there is none. `learn` tells what else the answer says. */
  async call(
    action: Action,
    path: string,
    about: About,
    request: { form?: Record<string, string>; headers?: Record<string, string> },
    learn: (body: Recorded['body']) => Partial<HistoryEvent> = () => ({}),
  ): Promise<Recorded> {
    const start = performance.now();
    const answer = await send(this.at(path), {
      ...(request.form === undefined ? {} : { method: 'POST', body: new URLSearchParams(request.form) }),
      headers: { Accept: 'application/json', ...request.headers },
    });
    const end = performance.now();
    if (typeof answer === 'string') {
      const event = { action, start, end, status: undefined, error: answer, ...about };
      return { event: this.history.add(event), body: undefined };
    }
    const body = answer.text.startsWith('{') ? JSON.parse(answer.text) : answer.text;
    const { status } = answer;
    const learnt = status === 200 ? learn(body) : { error: String(body?.error ?? answer.text.slice(0, 80)) };
    return { event: this.history.add({ action, start, end, status, ...about, ...learnt }), body };
  }

  browser(): RecordedBrowser {
    return new RecordedBrowser(this);
  }
}

/** The answer, or why there is none. */
async function send(url: URL, init: RequestInit): Promise<Answer | string> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MILLISECONDS) });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return String(cause ?? error);
}

/** Nothing came back: what a browser shows then is its own page. */
class Unanswered extends Error {}

/** A browser whose every request is in the history, and which goes to another process each time. */
export class RecordedBrowser extends FormBrowser {
  readonly #client: RecordedClient;

  constructor(client: RecordedClient) {
    super(client.issuer);
    this.#client = client;
  }

  /** Another browser with the cookies of this one, as a thief would have, or a tab that was opened before. */
  copy(): RecordedBrowser {
    const copy = new RecordedBrowser(this.#client);
    const cookies = copy.cookies as Map<string, { value: string; path: string }>;
    for (const [name, cookie] of this.cookies) cookies.set(name, cookie);
    return copy;
  }

  override async request(url: URL | string, init: RequestInit = {}): Promise<Response> {
    const target = this.#client.at(url);
    const start = performance.now();
    const about = { action: 'page' as const, start, presented: target.pathname };
    try {
      const signal = AbortSignal.timeout(PATIENCE_MILLISECONDS);
      const response = await super.request(target, { ...init, signal });
      this.#client.history.add({ ...about, end: performance.now(), status: response.status });
      return response;
    } catch (error) {
      const reason = reasonOf(error);
      this.#client.history.add({ ...about, end: performance.now(), status: undefined, error: reason });
      throw new Unanswered(reason, { cause: error });
    }
  }

  /** Asks for a code; by what pages leads there, with `person`, or silently without. Answers it, if there was one. */
  async walk(
    action: 'sign_in' | 'authorize',
    { url }: AuthorizationRequest,
    about: About,
    person?: { login: string; password: string },
  ): Promise<{ event: HistoryEvent; code: string | undefined }> {
    const start = performance.now();
    const outcome = await this.#landing(() =>
      person === undefined ? this.visit(url) : this.authorize(url, person),
    );
    const end = performance.now();
    const answer = typeof outcome === 'string' ? undefined : answerIn(outcome);
    const code = answer?.code;
    const event = this.#client.history.add({
      action,
      start,
      end,
      ...about,
      ...(code === undefined ? failureOf(outcome, answer) : { status: 200, issued: [code] }),
    });
    return { event, code };
  }

  /** Signs out with its pages. */
  async logOut(idToken: string, about: About): Promise<HistoryEvent> {
    const start = performance.now();
    const outcome = await this.#landing(() => logOut(this, idToken));
    const end = performance.now();
    const isOut = typeof outcome !== 'string' && outcome.status === 200 && outcome.pageName === 'logged-out';
    return this.#client.history.add({
      action: 'log_out',
      start,
      end,
      ...about,
      ...(isOut ? { status: 200 } : failureOf(outcome, undefined)),
    });
  }

  async #landing(walk: () => Promise<Landing>): Promise<Landing | string> {
    try {
      return await walk();
    } catch (error) {
      if (error instanceof Unanswered) return error.message;
      // A body that broke off is no answer either.
      if (error instanceof TypeError || (error as Error).name === 'TimeoutError') return reasonOf(error);
      throw error;
    }
  }
}

function failureOf(
  outcome: Landing | string,
  answer: Record<string, string> | undefined,
): Pick<HistoryEvent, 'status' | 'error'> {
  if (typeof outcome === 'string') return { status: undefined, error: outcome };
  const error = answer?.error ?? outcome.pageName ?? outcome.page.slice(0, 80);
  if (error === 'temporarily_unavailable') return { status: 503, error };
  return { status: outcome.status === 200 || outcome.status < 400 ? 400 : outcome.status, error };
}
