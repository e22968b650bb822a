import { decodeProtectedHeader } from 'jose';
import type { Application, AuthorizationRequest, Credentials } from '../flows/application.ts';
import { type HistoryEvent, succeeded } from './history.ts';
import type { Pace } from './pace.ts';
import type { About, Recorded, RecordedBrowser, RecordedClient } from './recorded-client.ts';

/** A session in a browser. */
export interface Session {
  name: string;
  person: Credentials;
  browser: RecordedBrowser;
  /** With the cookies of before it ended. */
  remembered: RecordedBrowser | undefined;
}

/** What came of one code; it is called by that code. */
export interface Family {
  session: Session;
  request: AuthorizationRequest;
  code: string;
  refreshToken: string;
  accessToken: string;
  idToken: string;
  /** Its code was presented once, and its tokens are used as they should be. */
  isHonest: boolean;
  state: 'alive' | 'ended' | 'given up';
}

interface Authorized {
  session: Session;
  request: AuthorizationRequest;
  code: string;
}

const kidsOf = (...tokens: string[]): string[] =>
  tokens.map((token) => String(decodeProtectedHeader(token).kid));

/** Somebody at an application: signs in, gets tokens, renews them, ends them, signs out; and an application that repeats what was not answered. */
export class Visitor {
  readonly families: Family[] = [];
  readonly sessions: Session[] = [];
  readonly #client: RecordedClient;
  readonly #app: Application;
  readonly #pace: Pace;

  constructor(client: RecordedClient, app: Application, pace: Pace) {
    this.#client = client;
    this.#app = app;
    this.#pace = pace;
  }

  /** Lives one session after another. */
  async live(person: Credentials): Promise<void> {
    const { random } = this.#pace;
    while (this.#pace.isRunning) {
      let authorized = await this.signIn(person);
      for (let count = 0; authorized !== undefined && count < 4 && this.#pace.isRunning; count += 1) {
        const isContested = random() < 0.2;
        const family = await (isContested ? this.#redeemTwice(authorized) : this.redeem(authorized));
        if (family !== undefined) await this.#use(family);
        const { session } = authorized;
        if (family !== undefined && random() < 0.25) {
          await this.logOut(family);
          break;
        }
        // Whoever presents a code twice ends what the session was given: another begins, so that honest ones are told apart.
        if (family === undefined || isContested) break;
        authorized = await this.#authorize(session);
      }
    }
  }

  /** A session of its own, and a code; undefined when that did not work, and it is to be tried again. */
  async signIn(person: Credentials): Promise<Authorized | undefined> {
    const name = `session ${this.sessions.length} of ${person.login} ${this.#pace.random().toString(36).slice(2, 8)}`;
    const session: Session = { name, person, browser: this.#client.browser(), remembered: undefined };
    this.sessions.push(session);
    await this.#pace.pause();
    const request = this.#app.authorizationRequest();
    const about = { person: person.login, session: name, presented: person.password };
    const { code } = await session.browser.walk('sign_in', request, about, { ...person });
    return code === undefined ? undefined : { session, request, code };
  }

  async redeem({ session, request, code }: Authorized): Promise<Family | undefined> {
    const redeemed = await this.#pace.persist(() => this.#present({ session, request, code }, true));
    return this.#familyOf({ session, request, code }, redeemed, true);
  }

  /** Two at once, as a program does that has a bug, or a thief. */
  async #redeemTwice(authorized: Authorized): Promise<Family | undefined> {
    const both = await Promise.all([this.#present(authorized, false), this.#present(authorized, false)]);
    return this.#familyOf(
      authorized,
      both.find(({ event }) => succeeded(event)),
      false,
    );
  }

  /** Renews a few times, looks at what there is, and may revoke it. */
  async #use(family: Family): Promise<void> {
    const { random } = this.#pace;
    const rounds = 1 + Math.floor(random() * 5);
    for (let round = 0; round < rounds && family.state === 'alive' && this.#pace.isRunning; round += 1) {
      await this.#pace.pause();
      await this.refresh(family);
      if (random() < 0.3) await this.userinfo(family);
      if (random() < 0.3) await this.introspect(family);
    }
    if (family.state === 'alive' && random() < 0.3) await this.revoke(family);
  }

  async refresh(family: Family): Promise<void> {
    const renewed = await this.#pace.persist(() =>
      this.#post(
        'refresh',
        family,
        family.refreshToken,
        { grant_type: 'refresh_token', refresh_token: family.refreshToken },
        issuedBy,
      ),
    );
    if (renewed === undefined) family.state = 'given up';
    else if (!succeeded(renewed.event)) family.state = 'ended';
    else learnTokens(family, renewed.body);
  }

  userinfo(family: Family): Promise<Recorded> {
    return this.#client.call('userinfo', '/me', this.#about(family, family.accessToken), {
      headers: { Authorization: `Bearer ${family.accessToken}` },
    });
  }

  introspect(family: Family): Promise<Recorded> {
    const token = family.refreshToken;
    return this.#post('introspect', family, token, { token }, ({ active }) => ({ active }));
  }

  /** Until it is acknowledged; then nothing of it counts. */
  async revoke(family: Family): Promise<void> {
    const token = family.refreshToken;
    const revoked = await this.#pace.persist(() => this.#post('revoke', family, token, { token }));
    this.#endSession(family.session);
    family.state = revoked === undefined ? 'given up' : 'ended';
    await this.tryEnded(family);
  }

  async logOut(family: Family): Promise<void> {
    const { session, idToken } = family;
    session.remembered = session.browser.copy();
    const about = { person: session.person.login, session: session.name };
    const outcome = await this.#pace.persist(async () => {
      // Where a request was not answered, the browser may have lost its cookies, and the session lives.
      const browser = session.remembered?.copy() as RecordedBrowser;
      return { event: await browser.logOut(idToken, about) };
    });
    this.#endSession(session);
    if (outcome !== undefined && succeeded(outcome.event)) {
      family.state = 'ended';
      await this.tryEnded(family);
    } else family.state = 'given up';
  }

  /** What counts no more, tried as a thief would. */
  async tryEnded(family: Family): Promise<void> {
    const thief = { ...family, isHonest: false };
    const { refreshToken } = thief;
    await this.introspect(thief);
    await this.userinfo(thief);
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken };
    await this.#post('refresh', thief, refreshToken, form, issuedBy);
    const { session } = family;
    if (session.remembered !== undefined) await this.#authorize(session, session.remembered.copy(), false);
  }

  /** The code once more, long after it was used. */
  async replay({ session, request, code }: Family): Promise<void> {
    await this.#present({ session, request, code }, false);
  }

  async #authorize(
    session: Session,
    browser = session.browser,
    honest = true,
  ): Promise<Authorized | undefined> {
    const request = this.#app.authorizationRequest({ prompt: 'none' });
    const about = { person: session.person.login, session: session.name, honest };
    if (!honest) {
      await browser.walk('authorize', request, about);
      return undefined;
    }
    await this.#pace.pause();
    const walked = await this.#pace.persist(() => browser.walk('authorize', request, about));
    return walked?.code === undefined ? undefined : { session, request, code: walked.code };
  }

  /** Families of a session share a grant: what ends one of them ends all. */
  #endSession(session: Session): void {
    for (const family of this.families)
      if (family.session === session && family.state === 'alive') family.state = 'ended';
  }

  #present({ session, request, code }: Authorized, honest: boolean): Promise<Recorded> {
    const form = {
      grant_type: 'authorization_code',
      code,
      code_verifier: request.verifier,
      redirect_uri: this.#app.redirectUri,
    };
    const about = {
      person: session.person.login,
      session: session.name,
      family: code,
      presented: code,
      honest,
    };
    return this.#client.call('redeem', '/token', about, { form, headers: this.#credentials }, issuedBy);
  }

  #familyOf(authorized: Authorized, redeemed: Recorded | undefined, isHonest: boolean): Family | undefined {
    if (redeemed === undefined || !succeeded(redeemed.event)) return undefined;
    const family: Family = {
      ...authorized,
      refreshToken: '',
      accessToken: '',
      idToken: '',
      isHonest,
      state: 'alive',
    };
    learnTokens(family, redeemed.body);
    this.families.push(family);
    return family;
  }

  #about({ session, code, isHonest }: Family, presented: string): About {
    return {
      person: session.person.login,
      session: session.name,
      family: code,
      presented,
      honest: isHonest,
    };
  }

  #post(
    action: 'refresh' | 'introspect' | 'revoke',
    family: Family,
    presented: string,
    form: Record<string, string>,
    learn?: (body: Recorded['body']) => Partial<HistoryEvent>,
  ): Promise<Recorded> {
    const path = { refresh: '/token', introspect: '/introspection', revoke: '/token/revocation' }[action];
    const request = { form, headers: this.#credentials };
    return this.#client.call(action, path, this.#about(family, presented), request, learn);
  }

  get #credentials(): Record<string, string> {
    return { Authorization: `Basic ${btoa(`${this.#app.clientId}:${this.#app.secret}`)}` };
  }
}

interface TokenBody {
  access_token: string;
  refresh_token: string;
  id_token: string;
}

function issuedBy({ access_token, refresh_token, id_token }: TokenBody): Partial<HistoryEvent> {
  return { issued: [refresh_token, access_token], kids: kidsOf(id_token) };
}

function learnTokens(family: Family, { access_token, refresh_token, id_token }: TokenBody): void {
  family.accessToken = access_token;
  family.refreshToken = refresh_token;
  family.idToken = id_token;
}
