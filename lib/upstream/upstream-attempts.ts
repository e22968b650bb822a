import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { answerOnce } from '../authentication/answer-once.ts';
import type { Database } from '../database/database.ts';
import { SealError } from '../database/sealer.ts';

const CONTEXT = 'upstream-attempt';
/** How long (s) somebody may take at the other provider. */
const ATTEMPT_SECONDS = 1800;
const FORM = /^[\w-]{1,2000}$/;

/** A way to another provider that has been begun in a browser. */
export interface UpstreamAttempt {
  /** The provider's name in the configuration. */
  provider: string;
  /** What it is for: to sign in, in an interaction, or to be linked with the person of a session. */
  purpose: 'sign-in' | 'link';
  /** The uid of that interaction or session. */
  place: string;
  /** Who sent the person here. */
  clientId: string;
  /** How old (s) the sign-in there may be at most; 0: the person proves themselves anew. */
  maxAge?: number;
}

/** What the answer is held against. */
export interface BegunAttempt extends UpstreamAttempt {
  state: string;
  nonce: string;
  codeVerifier: string;
  /** Unix time, ms. */
  begunAt: number;
}

interface Sealed extends UpstreamAttempt {
  begunAt: number;
  browser: string;
}

/**
 * Ways to other providers and back (RFC 9700 §4.7). `state` is the attempt itself, sealed; it is bound to the browser, which holds a random
 * value as a cookie, from which the nonce and the PKCE verifier are made: nothing is stored when one is begun, and another
 * browser has none of the three. That one is answered once is a row in the directory: of any number of answers in any number of processes one
 * counts.
 */
export class UpstreamAttempts {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** `browser`: what this browser's cookie holds. */
  begin(attempt: UpstreamAttempt, browser: string): BegunAttempt {
    const begunAt = this.#database.now();
    const sealed: Sealed = { ...attempt, begunAt, browser: hash('sha256', browser, 'base64url') };
    const state = this.#database.sealer.seal(JSON.stringify(sealed), CONTEXT).toString('base64url');
    return { ...attempt, begunAt, state, ...madeFrom(browser, state) };
  }

  /** The attempt that an answer belongs to, if this browser began it and it has not expired. */
  read(state: string, browser: string | undefined): BegunAttempt | undefined {
    if (browser === undefined || !FORM.test(state)) return undefined;
    let opened: Sealed;
    try {
      const bytes = this.#database.sealer.open(Buffer.from(state, 'base64url'), CONTEXT);
      opened = JSON.parse(bytes.toString('utf8')) as Sealed;
    } catch (error) {
      if (error instanceof SealError) return undefined;
      throw error;
    }
    const { browser: digest, ...attempt } = opened;
    const held = Buffer.from(hash('sha256', browser, 'base64url'));
    if (!timingSafeEqual(held, Buffer.from(digest))) return undefined;
    if (attempt.begunAt + ATTEMPT_SECONDS * 1000 <= this.#database.now()) return undefined;
    return { ...attempt, state, ...madeFrom(browser, state) };
  }

  /** Uses it up; false when it has been. */
  spend({ state, begunAt }: BegunAttempt): Promise<boolean> {
    return this.#database.transaction((transaction, now) =>
      answerOnce(transaction, now, {
        digest: hash('sha256', state, 'base64url'),
        expires_at: begunAt + ATTEMPT_SECONDS * 1000,
      }),
    );
  }
}

function madeFrom(browser: string, state: string): Pick<BegunAttempt, 'nonce' | 'codeVerifier'> {
  const value = (name: string): string =>
    createHmac('sha256', browser).update(`${name}:${state}`).digest('base64url');
  return { nonce: value('nonce'), codeVerifier: value('code_verifier') };
}
