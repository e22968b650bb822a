import { expect } from 'chai';
import { median, rankOf, timeInTurn } from '../authentication/rank-comparison.ts';
import { formOf, hrefOf, post } from '../interactions/page-forms.ts';
import { ADA, Application } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const SAMPLES = 200;
/** With 200 samples each and equal costs the rank strays from 0.5 by 0.2 less than once in a thousand million. */
const ALIKE = [0.3, 0.7] as const;
/** The same for a quarter of the samples. */
const ALIKE_OF_FEW = [0.2, 0.8] as const;

/** By whom: somebody who can sign in, nobody, and those who are in between. */
const LOGINS = {
  existing: ADA.login,
  unknown: 'nobody@example.com',
  disabled: 'disabled@example.com',
  passkeyOnly: 'passkey@example.com',
  withoutAddress: 'nomail',
};
type Page = 'forgotten' | 'register';
type Times = Record<keyof typeof LOGINS | 'planted', number[]>;

describe('how long answers take', function () {
  this.timeout(300_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  const measured = new Map<Page, { times: Times; pages: string[] }>();

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_REGISTRATION_MODE: 'open',
      LATCHKEY_THROTTLING_MAIL_PER_ADDRESS: '100000',
      LATCHKEY_THROTTLING_MAIL_PER_RECIPIENT: '1000',
      LATCHKEY_LOG_LEVEL: 'warn',
    });
    app = await Application.register(latchkey);
    await latchkey.createPerson(ADA.login, ADA.password);
    const { sub } = await latchkey.createPerson('disabled@example.com', ADA.password);
    await latchkey.json(['users', 'disable', sub]);
    await latchkey.json(['users', 'create', '--login', 'nomail']);
    // Who has no password signs in by passkey.
    await latchkey.json(['users', 'create', '--email', 'passkey@example.com']);
    for (const page of ['forgotten', 'register'] as const) measured.set(page, await measure(page));
  });
  after(() => latchkey?.stop());

  /** Sends a form for each of them in turn, and several times for nobody: a difference that must be seen. */
  async function measure(page: Page): Promise<{ times: Times; pages: string[] }> {
    const field = page === 'forgotten' ? 'login' : 'email';
    const browser = new FormBrowser(latchkey.issuer);
    const login = await browser.visit(app.authorizationRequest().url);
    const form = formOf(await browser.visit(new URL(hrefOf(login, page), latchkey.issuer)), 'submit');
    const send = async (value: string): Promise<string> => {
      const response = await post(browser, form.action, { csrf: form.csrf, [field]: value });
      await response.body?.cancel();
      return response.headers.get('location') ?? String(response.status);
    };
    const times = await timeInTurn(
      {
        existing: () => send(LOGINS.existing),
        unknown: () => send(LOGINS.unknown),
        disabled: () => send(LOGINS.disabled),
        passkeyOnly: () => send(LOGINS.passkeyOnly),
        withoutAddress: () => send(page === 'forgotten' ? LOGINS.withoutAddress : LOGINS.unknown),
        planted: async () => {
          for (let time = 0; time < 4; time += 1) await send(LOGINS.unknown);
        },
      },
      SAMPLES,
      ['planted', 'withoutAddress'],
    );
    const pages = [];
    for (const each of [LOGINS.existing, LOGINS.unknown, LOGINS.disabled, LOGINS.passkeyOnly]) {
      const shown = await browser.visit(await send(each));
      expect(shown).to.include({ status: 200, pageName: 'mail-sent' });
      pages.push(shown.page.replaceAll(each, 'LOGIN'));
    }
    return { times, pages };
  }

  function compare(page: Page, one: keyof Times, other: keyof Times): { rank: number; told: string } {
    const lists = [one, other].map((kind) => measured.get(page)?.times[kind] ?? []);
    const medians = lists.map((list) => `${median(list).toFixed(2)} ms`).join(' and ');
    return { rank: rankOf(lists[0] ?? [], lists[1] ?? []), told: `${one} and ${other}: medians ${medians}` };
  }

  for (const [what, kind] of [
    ['nobody has', 'unknown'],
    ['a disabled person has', 'disabled'],
    ['a person with a passkey alone has', 'passkeyOnly'],
    ['a person without an address has', 'withoutAddress'],
  ] as const) {
    it(`a reset for a login that ${what} takes as long as one that sends a mail`, () => {
      const { rank, told } = compare('forgotten', 'existing', kind);
      const [least, most] = kind === 'withoutAddress' ? ALIKE_OF_FEW : ALIKE;
      expect(rank, told).to.be.within(least, most);
    });
  }

  it('registering an address that has an account takes as long as another', () => {
    for (const kind of ['existing', 'disabled', 'passkeyOnly'] as const) {
      const { rank, told } = compare('register', kind, 'unknown');
      expect(rank, told).to.be.within(...ALIKE);
    }
  });

  for (const page of ['forgotten', 'register'] as const) {
    it(`a difference would be seen (${page})`, () => {
      const { rank, told } = compare(page, 'planted', 'unknown');
      expect(rank, told).to.be.above(ALIKE[1]);
    });

    it(`and the page says the same to all of them (${page})`, () => {
      expect(new Set(measured.get(page)?.pages).size).to.equal(1);
    });
  }
});
