import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { ADA, Application, answerIn } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const BANK = 'https://bank.example.com';
const VAULT = 'https://vault.example.com';
const DEFINITION = {
  actions: ['initiate', 'cancel'],
  fields: { amount: { type: 'string', required: true }, creditor: { type: 'string', required: true } },
  description: { en: 'Pay {amount} to {creditor} ({actions})', de: '{amount} an {creditor} zahlen' },
};
const payment = (changed: object = {}) => ({
  type: 'payment',
  actions: ['initiate', 'cancel'],
  amount: '12.30 EUR',
  creditor: 'Ham & <b>Eggs</b>',
  ...changed,
});

describe('rich authorization requests (RFC 9396)', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let shop: Application;
  let bank: Application;

  async function define(identifier: string, types: object): Promise<void> {
    const file = path.join(latchkey.dataDir, `types-${crypto.randomUUID()}.json`);
    writeFileSync(file, JSON.stringify(types));
    await latchkey.json(['apis', 'update', identifier, '--authorization-details', file]);
  }

  const supported = async () => {
    const metadata = await (await fetch(`${latchkey.issuer}/.well-known/openid-configuration`)).json();
    return (metadata as { authorization_details_types_supported: string[] })
      .authorization_details_types_supported;
  };

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_FEATURES_RICH_AUTHORIZATION_REQUESTS: 'true' });
    expect(await supported()).to.deep.equal([]);
    await latchkey.createPerson(ADA.login, ADA.password);
    await latchkey.json([
      'apis',
      'create',
      '--identifier',
      BANK,
      '--name',
      'The Bank',
      '--scopes',
      'accounts',
    ]);
    await latchkey.json(['apis', 'create', '--identifier', VAULT, '--token-format', 'opaque']);
    await define(BANK, { payment: DEFINITION });
    await define(VAULT, { deposit: { description: { en: 'Put something away' } } });
    // While it runs: the discovery documents follow.
    await eventually('the types are published', async () => (await supported()).length === 2);
    shop = await Application.register(latchkey, {
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      authorization_details_types: ['payment', 'deposit'],
    });
    bank = await Application.register(latchkey, {
      grant_types: ['client_credentials'],
      redirect_uris: [],
      resource_server: BANK,
    });
  });
  after(() => latchkey.stop());

  const asking = (details: unknown, more: Record<string, string> = {}) => ({
    resource: BANK,
    scope: 'openid offline_access accounts',
    prompt: 'consent',
    authorization_details: typeof details === 'string' ? details : JSON.stringify(details),
    ...more,
  });

  it('are put in words on the consent page, escaped, each time', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    await shop.authorize(browser, asking([payment()]));
    // Without prompt: what was allowed once is asked again, since it is done once.
    const { url } = shop.authorizationRequest(asking([payment()], { prompt: '' }));
    const landing = await browser.visit(url);
    expect(landing.pageName).to.equal('consent');
    expect(landing.page).to.contain('The Bank');
    const text = landing.page.replaceAll(/<\/?bdi[^>]*>|[\u2066-\u2069]/g, '');
    expect(text).to.contain('Pay 12.30 EUR to Ham &amp; &lt;b&gt;Eggs&lt;/b&gt; (initiate, cancel)');
    const german = await browser.visit(
      shop.authorizationRequest(asking([payment()], { ui_locales: 'de' })).url,
    );
    expect(german.page).to.contain('zahlen');
    const silent = await browser.visit(
      shop.authorizationRequest(asking([payment()], { prompt: 'none' })).url,
    );
    expect(answerIn(silent).error).to.be.oneOf(['consent_required', 'interaction_required']);
  });

  it('are in the answer, in the JWT and in its introspection, and stay with the refresh token', async () => {
    const authorized = await shop.authorize(new FormBrowser(latchkey.issuer), asking([payment()]));
    const { body } = await shop.redeem(authorized);
    expect(body.authorization_details).to.deep.equal([payment()]);
    expect(decodeJwt(body.access_token).authorization_details).to.deep.equal([payment()]);
    expect((await bank.introspect(body.access_token)).body.authorization_details).to.deep.equal([payment()]);
    const refreshed = await shop.refresh(body.refresh_token);
    expect(decodeJwt(refreshed.body.access_token).authorization_details).to.deep.equal([payment()]);
    const less = await shop.refresh(refreshed.body.refresh_token, {
      resource: BANK,
      authorization_details: JSON.stringify([payment({ actions: ['cancel'] })]),
    });
    expect(less.body.authorization_details).to.deep.equal([payment({ actions: ['cancel'] })]);
    const again = await shop.refresh(less.body.refresh_token);
    expect(again.body.authorization_details, 'the grant itself is as it was').to.deep.equal([payment()]);
    const more = await shop.refresh(again.body.refresh_token, {
      resource: BANK,
      authorization_details: JSON.stringify([payment({ amount: '99.00 EUR' })]),
    });
    expect(more.body).to.include({ error: 'invalid_authorization_details' });
  });

  it('go to the API that defines them, and are not left over for another authorization', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const { url, verifier } = shop.authorizationRequest(asking([payment(), { type: 'deposit' }]));
    url.searchParams.append('resource', VAULT);
    const landing = await browser.authorize(url, ADA);
    const { body } = await shop.redeem({ code: answerIn(landing).code ?? '', verifier }, { resource: VAULT });
    expect(body.authorization_details).to.deep.equal([{ type: 'deposit' }]);
    const forBank = await shop.refresh(body.refresh_token, { resource: BANK });
    expect(forBank.body.authorization_details).to.deep.equal([payment()]);
    const later = await shop.authorize(browser, { resource: BANK, scope: 'openid accounts' });
    const plain = await shop.redeem(later);
    expect(plain.body.access_token).to.be.a('string');
    expect(plain.body).to.not.have.property('authorization_details');
    expect(decodeJwt(plain.body.access_token)).to.not.have.property('authorization_details');
  });

  it('are taken pushed, and from a client for itself', async () => {
    const { url, verifier } = shop.authorizationRequest(asking([payment()]));
    const { status, body } = await shop.post('/request', Object.fromEntries(url.searchParams));
    expect(status).to.equal(201);
    const pushed = new URL('/auth', latchkey.issuer);
    pushed.search = String(new URLSearchParams({ client_id: shop.clientId, request_uri: body.request_uri }));
    const landing = await new FormBrowser(latchkey.issuer).authorize(pushed, ADA);
    const tokens = await shop.redeem({ code: answerIn(landing).code ?? '', verifier });
    expect(tokens.body.authorization_details).to.deep.equal([payment()]);
    const own = await shop.token({
      grant_type: 'client_credentials',
      resource: BANK,
      authorization_details: JSON.stringify([payment()]),
    });
    expect(own.body.authorization_details).to.deep.equal([payment()]);
  });

  for (const [what, details, more, error] of [
    ['an unknown type', [{ type: 'theft' }], {}, 'invalid_authorization_details'],
    ['a name of every object', [{ type: 'constructor' }], {}, 'invalid_authorization_details'],
    ['no JSON', '[', {}, 'invalid_authorization_details'],
    ['no array', { type: 'payment' }, {}, 'invalid_authorization_details'],
    [
      'more than a person reads',
      Array.from({ length: 21 }, (_, index) => payment({ amount: `${index} EUR` })),
      {},
      'invalid_authorization_details',
    ],
    ['no type', [{ amount: '1' }], {}, 'invalid_authorization_details'],
    ['a missing field', [payment({ amount: undefined })], {}, 'invalid_authorization_details'],
    ['a member of its own making', [payment({ limit: 1 })], {}, 'invalid_authorization_details'],
    ['the API of another type', [payment()], { resource: VAULT }, 'invalid_authorization_details'],
    ['no API', [payment()], { resource: '' }, 'invalid_authorization_details'],
  ] as [string, unknown, Record<string, string>, string][]) {
    it(`are refused with ${what}`, async () => {
      const { url } = shop.authorizationRequest(asking(details, more));
      const answer = answerIn(await new FormBrowser(latchkey.issuer).visit(url));
      expect(answer.error, answer.error_description ?? '').to.equal(error);
    });
  }

  it('are refused from a client that is not registered for the type', async () => {
    const other = await Application.register(latchkey, { authorization_details_types: ['deposit'] });
    const { url } = other.authorizationRequest(asking([payment()]));
    const answer = answerIn(await new FormBrowser(latchkey.issuer).visit(url));
    expect(answer).to.include({ error: 'invalid_authorization_details' });
    expect(answer.error_description).to.contain('not allowed for this client');
  });

  it('have one meaning: a type that another API defines is refused', async () => {
    const file = path.join(latchkey.dataDir, 'taken.json');
    writeFileSync(file, JSON.stringify({ payment: DEFINITION }));
    const { code, stderr } = await latchkey.command([
      'apis',
      'update',
      VAULT,
      '--authorization-details',
      file,
    ]);
    expect({ code, says: stderr.includes(`payment is defined by ${BANK}`) }).to.deep.equal({
      code: 1,
      says: true,
    });
    writeFileSync(file, '[');
    const broken = await latchkey.command(['apis', 'update', VAULT, '--authorization-details', file]);
    expect(broken.stderr).to.contain('is not JSON');
  });
});
