import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import { ADA, Application } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { formOf, post } from '../interactions/page-forms.ts';

const SAMPLES = 40;
const WRONG = 'a password of nobody';

type Kind = 'unknown' | 'known' | 'disabled' | 'withoutPassword';

/** Mann-Whitney: the chance that a value of one list is above one of the other; 0.5 when nothing tells them apart. */
function superiority(one: number[], other: number[]): number {
  let above = 0;
  for (const a of one) for (const b of other) above += a > b ? 1 : a === b ? 0.5 : 0;
  return above / (one.length * other.length);
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

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

  const logins: Record<Kind, string> = {
    unknown: 'nobody@example.com',
    known: ADA.login,
    disabled: 'gone@example.com',
    withoutPassword: 'passkey@example.com',
  };

  async function attempt(
    browser: FormBrowser,
    page: Landing,
    person: { login: string; password: string },
    address: string,
  ): Promise<{ response: Response; text: string; milliseconds: number }> {
    const { action, csrf } = formOf(page, 'submit');
    const begin = performance.now();
    const response = await post(browser, action, { ...person, csrf }, { 'x-forwarded-for': address });
    const text = await response.text();
    return { response, text, milliseconds: performance.now() - begin };
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

  it('nor does the time that an answer takes', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const page = await browser.visit(notes.authorizationRequest().url);
    const times: Record<Kind, number[]> = { unknown: [], known: [], disabled: [], withoutPassword: [] };
    const kinds = Object.keys(logins) as Kind[];
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      // Interleaved, in changing order: what else the machine does meets all of them alike.
      for (let place = 0; place < kinds.length; place += 1) {
        const kind = kinds[(sample + place) % kinds.length] as Kind;
        const address = `2001:db8:${sample.toString(16)}:${place}00::1`;
        const { response, milliseconds } = await attempt(
          browser,
          page,
          { login: logins[kind], password: WRONG },
          address,
        );
        if (response.status === 422) times[kind].push(milliseconds);
        else expect(response.status).to.equal(429);
      }
    }
    for (const kind of kinds) expect(times[kind], kind).to.have.length.above(15);
    for (const kind of ['known', 'disabled', 'withoutPassword'] as const) {
      const ratio = median(times[kind]) / median(times.unknown);
      const ranks = superiority(times[kind], times.unknown);
      const told = `${kind}: ratio of medians ${ratio.toFixed(2)}, ranks ${ranks.toFixed(2)}`;
      // Without the hash that is made for nobody the ratio is far above 5, and the ranks are 1.
      expect(ratio, told).to.be.within(0.5, 2);
      expect(ranks, told).to.be.within(0.1, 0.9);
    }
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
