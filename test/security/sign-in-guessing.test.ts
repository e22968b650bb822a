import { expect } from 'chai';
import { processorTime } from '../authentication/processor-time.ts';
import { median, rankOf, timeInTurn } from '../authentication/rank-comparison.ts';
import { ADA, Application } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { LatchkeyProcess, runCommand } from '../flows/latchkey-process.ts';
import { formOf, post } from '../interactions/page-forms.ts';

const WRONG = 'a password of nobody';

type Kind = 'unknown' | 'known' | 'disabled' | 'withoutPassword';

const logins: Record<Kind, string> = {
  unknown: 'nobody@example.com',
  known: ADA.login,
  disabled: 'gone@example.com',
  withoutPassword: 'passkey@example.com',
};

describe('guessing at the login page', () => {
  let latchkey: LatchkeyProcess;
  let notes: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_TRUSTED_PROXIES: 'loopback',
      LATCHKEY_THROTTLING_LOGIN_PER_ACCOUNT: '3',
      LATCHKEY_THROTTLING_LOGIN_PER_ADDRESS: '1000',
    });
    notes = await Application.register(latchkey);
    await latchkey.createPerson(ADA.login, ADA.password);
    await latchkey.createPerson('gone@example.com', ADA.password);
    await latchkey.json(['users', 'disable', 'gone@example.com']);
    // Whoever signs in by passkey alone.
    await latchkey.json(['users', 'create', '--email', 'passkey@example.com']);
  });
  after(() => latchkey?.stop());

  async function attempt(
    browser: FormBrowser,
    page: Landing,
    person: { login: string; password: string },
    address: string,
  ): Promise<{ response: Response; text: string }> {
    const { action, csrf } = formOf(page, 'submit');
    const response = await post(browser, action, { ...person, csrf }, { 'x-forwarded-for': address });
    const text = await response.text();
    return { response, text };
  }

  it('tells nobody whether a login exists: same status, same headers, same words', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const page = await browser.visit(notes.authorizationRequest().url);
    const answers = new Map<Kind, string>();
    for (const [kind, login] of Object.entries(logins) as [Kind, string][]) {
      // A disabled person's right password is no different from a wrong one.
      const password = kind === 'disabled' ? ADA.password : WRONG;
      const { response, text } = await attempt(browser, page, { login, password }, '198.51.100.7');
      expect(response.status, kind).to.equal(422);
      const headers = [...response.headers].filter(([name]) => !['date', 'content-length'].includes(name));
      answers.set(kind, JSON.stringify([headers, text.replaceAll(login, 'LOGIN')]));
      expect(text, kind).to.contain('This login and password do not match');
      expect(text, kind).not.to.contain(password);
    }
    expect(answers.get('known')).to.equal(answers.get('unknown'));
    expect(answers.get('disabled')).to.equal(answers.get('unknown'));
    expect(answers.get('withoutPassword')).to.equal(answers.get('unknown'));
  });

  it('is slowed down for whoever does it, and for nobody else', async () => {
    const victim = { login: 'grace@example.com', password: 'nanoseconds by the yard' };
    await latchkey.createPerson(victim.login, victim.password);
    const guesser = new FormBrowser(latchkey.issuer);
    const page = await guesser.visit(notes.authorizationRequest().url);
    for (let guess = 0; guess < 3; guess += 1) {
      const { response } = await attempt(
        guesser,
        page,
        { ...victim, password: `${WRONG} ${guess}` },
        '203.0.113.5',
      );
      expect(response.status, `guess ${guess}`).to.equal(422);
    }
    const { response, text } = await attempt(guesser, page, victim, '203.0.113.5');
    expect(response.status).to.equal(429);
    const seconds = Number(response.headers.get('retry-after'));
    expect(seconds).to.be.within(1, 900);
    expect(response.headers.get('cache-control')).to.equal('no-store');
    const minutes = Math.ceil(seconds / 60);
    expect(text)
      .to.contain('too many attempts')
      .and.to.match(new RegExp(`wait ${minutes} minutes?, then try again`));
    expect(text).to.contain('data-page="login"').and.to.contain('role="alert"');
    expect(text).not.to.contain(victim.password);

    // Whoever sits at another address is let in at once, though by the same login.
    const honest = new FormBrowser(latchkey.issuer);
    const own = await honest.visit(notes.authorizationRequest().url);
    const welcome = await attempt(honest, own, victim, '192.0.2.77');
    expect(welcome.response.status).to.equal(303);
    expect(welcome.response.headers.get('location')).to.contain('/auth/');
    // And somebody else is at the guesser's address.
    const neighbour = { login: 'joan@example.com', password: 'a third person of this test' };
    await latchkey.createPerson(neighbour.login, neighbour.password);
    const other = await attempt(guesser, page, neighbour, '203.0.113.5');
    expect(other.response.status).to.equal(303);
  });

  it('is refused by the same words for logins that do not exist', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const page = await browser.visit(notes.authorizationRequest().url);
    const statuses: number[] = [];
    for (let guess = 0; guess < 4; guess += 1) {
      const person = { login: 'no-such-person@example.com', password: WRONG };
      statuses.push((await attempt(browser, page, person, '203.0.113.9')).response.status);
    }
    expect(statuses).to.deep.equal([422, 422, 422, 429]);
  });
});

describe('guessing at the login page, with a clock', function () {
  this.timeout(300_000);
  const SAMPLES = 200;
  /** With 200 samples each and equal costs a rank strays from 0.5 by 0.2 less than once in a thousand million. */
  const ALIKE = [0.3, 0.7] as const;
  /** One of OWASP's sets: a hash takes as long as with any other of them. */
  const HASHING = { LATCHKEY_PASSWORDS_ARGON2_MEMORY: '7168', LATCHKEY_PASSWORDS_ARGON2_ITERATIONS: '5' };
  let latchkey: LatchkeyProcess;
  let times: Record<string, number[]>;
  /** What the server’s process has worked: on a busy machine it tells what the clock does not. */
  const work: Record<string, number[]> = {};

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      ...HASHING,
      LATCHKEY_THROTTLING_LOGIN_PER_ACCOUNT: '10000',
      LATCHKEY_THROTTLING_LOGIN_PER_ADDRESS: '100000',
      LATCHKEY_LOG_LEVEL: 'warn',
    });
    const notes = await Application.register(latchkey);
    await latchkey.createPerson(ADA.login, ADA.password);
    const { sub } = await latchkey.createPerson('gone@example.com', ADA.password);
    await latchkey.json(['users', 'disable', sub]);
    await latchkey.json(['users', 'create', '--email', 'passkey@example.com']);
    // Somebody whose hash takes twice the work: a difference that must be seen.
    const planted = await runCommand(
      { ...latchkey.environment, LATCHKEY_PASSWORDS_ARGON2_ITERATIONS: '10' },
      ['users', 'create', '--email', 'planted@example.com', '--password-stdin'],
      ADA.password,
    );
    expect(planted.code, planted.stderr).to.equal(0);
    const browser = new FormBrowser(latchkey.issuer);
    const { action, csrf } = formOf(await browser.visit(notes.authorizationRequest().url), 'submit');
    const attempt = (kind: string, login: string) => async () => {
      const before = processorTime(latchkey.pid);
      const response = await post(browser, action, { login, password: WRONG, csrf });
      await response.body?.cancel();
      expect(response.status).to.equal(422);
      const after = processorTime(latchkey.pid);
      if (before !== undefined && after !== undefined) {
        work[kind] ??= [];
        work[kind].push(after - before);
      }
    };
    times = await timeInTurn(
      {
        unknown: attempt('unknown', logins.unknown),
        known: attempt('known', logins.known),
        disabled: attempt('disabled', logins.disabled),
        withoutPassword: attempt('withoutPassword', logins.withoutPassword),
        planted: attempt('planted', 'planted@example.com'),
      },
      SAMPLES,
      ['planted'],
    );
  });
  after(() => latchkey?.stop());

  function compare(
    measure: Record<string, number[]>,
    one: string,
    other: string,
  ): { rank: number; told: string } {
    const [first, second] = [measure[one] ?? [], measure[other] ?? []];
    const rank = rankOf(first, second);
    const medians = [first, second].map((list) => `${median(list).toFixed(2)} ms`).join(' and ');
    return { rank, told: `${one} and ${other}: medians ${medians}, rank ${rank.toFixed(3)}` };
  }

  const measures = (): Record<string, number[]>[] => (work.known === undefined ? [times] : [times, work]);

  it('nor does the time that an answer takes', () => {
    const kinds = Object.keys(logins);
    for (const measure of measures()) {
      for (const [index, one] of kinds.entries()) {
        for (const other of kinds.slice(index + 1)) {
          const { rank, told } = compare(measure, one, other);
          expect(rank, told).to.be.within(...ALIKE);
        }
      }
    }
  });

  it('and a difference would be seen', () => {
    const { rank, told } = compare(measures().at(-1) ?? {}, 'planted', 'unknown');
    expect(rank, told).to.be.above(ALIKE[1]);
  });
});
