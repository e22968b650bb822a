import { expect } from 'chai';
import { compareTimes } from '../authentication/rank-comparison.ts';
import { formOf, hrefOf, post } from '../interactions/page-forms.ts';
import { ADA, Application } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const SAMPLES = 200;
/** With 200 samples each and equal costs the rank strays from 0.5 by 0.2 less than once in a thousand million. */
const ALIKE = [0.3, 0.7] as const;

describe('how long answers take', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let app: Application;

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
  });
  after(() => latchkey.stop());

  async function compare(page: 'forgotten' | 'register', field: string, first: string, second: string) {
    const browser = new FormBrowser(latchkey.issuer);
    const login = await browser.visit(app.authorizationRequest().url);
    const form = formOf(await browser.visit(new URL(hrefOf(login, page), latchkey.issuer)), 'submit');
    const send = async (value: string): Promise<void> => {
      const response = await post(browser, form.action, { csrf: form.csrf, [field]: value });
      expect(response.status).to.equal(303);
      await response.body?.cancel();
    };
    return compareTimes(
      () => send(first),
      () => send(second),
      SAMPLES,
    );
  }

  for (const [what, login] of [
    ['nobody has', 'nobody@example.com'],
    ['a disabled person has', 'disabled@example.com'],
    ['a person without an address has', 'nomail'],
  ] as const) {
    it(`a reset for a login that ${what} takes as long as one that sends a mail`, async () => {
      const { above, medians } = await compare('forgotten', 'login', ADA.login, login);
      expect(above, `medians ${medians.join(' and ')} ms`).to.be.within(...ALIKE);
    });
  }

  it('registering an address that has an account takes as long as another', async () => {
    const { above, medians } = await compare('register', 'email', ADA.login, 'nobody@example.com');
    expect(above, `medians ${medians.join(' and ')} ms`).to.be.within(...ALIKE);
  });
});
