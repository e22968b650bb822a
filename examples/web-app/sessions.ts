import { randomBytes } from 'node:crypto';
import type { Request, Response } from 'express';

const COOKIE = 'book_club_session';
const LIFETIME_MS = 8 * 60 * 60 * 1000;
const MOST_SESSIONS = 10_000;
const MOST_SIGN_INS_UNDER_WAY = 10;

/** Somebody who signed in, and the tokens that this server keeps for them; the browser never sees a token. */
export interface SignedIn {
  claims: Record<string, unknown>;
  idToken: string;
  accessToken: string;
  /** When the access token ends, ms since the epoch. */
  expiresAt: number;
  refreshToken: string | undefined;
}

/** What a browser's session remembers. */
export interface Session {
  expires: number;
  person?: SignedIn;
  /** Sign-ins under way, by their `state`: one for each tab. */
  signIns: Map<string, { codeVerifier: string; nonce: string }>;
}

/** Sessions in memory: they end with the process, which is enough for an example. */
export interface Sessions {
  find(request: Request): Session | undefined;
  /** Starts a session, and ends the browser's former one, so that nobody can plant a session on another. */
  start(request: Request, response: Response): Session;
  end(request: Request, response: Response): void;
}

/** @param secure whether the app is reached over https. */
export function createSessions(secure: boolean): Sessions {
  const sessions = new Map<string, Session>();
  const cookie = { httpOnly: true, sameSite: 'lax', secure, path: '/' } as const;

  const idOf = (request: Request): string | undefined =>
    request.headers.cookie
      ?.split(/; */)
      .find((pair) => pair.startsWith(`${COOKIE}=`))
      ?.slice(COOKIE.length + 1);

  return {
    find(request) {
      const session = sessions.get(idOf(request) ?? '');
      return session !== undefined && session.expires > Date.now() ? session : undefined;
    },
    start(request, response) {
      sessions.delete(idOf(request) ?? '');
      const [oldest] = sessions.keys();
      if (sessions.size >= MOST_SESSIONS && oldest !== undefined) sessions.delete(oldest);
      const id = randomBytes(32).toString('base64url');
      const session: Session = { expires: Date.now() + LIFETIME_MS, signIns: new Map() };
      sessions.set(id, session);
      response.cookie(COOKIE, id, { ...cookie, maxAge: LIFETIME_MS });
      return session;
    },
    end(request, response) {
      sessions.delete(idOf(request) ?? '');
      response.clearCookie(COOKIE, cookie);
    },
  };
}

/** Remembers a sign-in under way; of too many, the oldest is forgotten. */
export function rememberSignIn(
  session: Session,
  state: string,
  secrets: { codeVerifier: string; nonce: string },
): void {
  const [oldest] = session.signIns.keys();
  if (session.signIns.size >= MOST_SIGN_INS_UNDER_WAY && oldest !== undefined) session.signIns.delete(oldest);
  session.signIns.set(state, secrets);
}
