import { expect } from 'chai';
import { LdapPeople, PASSWORD } from '../accounts/ldap-people.ts';
import { READER, ROOT, SlapdServer } from '../accounts/slapd-server.ts';
import { type CertificateFiles, writeCertificates } from '../redis/test-certificates.ts';
import { Application } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess, runCommand } from './latchkey-process.ts';

const PERSON = { login: 'Ann', password: PASSWORD };

describe('people who are kept in an LDAP directory', function () {
  this.timeout(120_000);
  let certificates: CertificateFiles;
  let server: SlapdServer;
  let people: LdapPeople;
  let latchkey: LatchkeyProcess;
  let app: Application;
  let person: { dn: string; sub: string };
  let browser: FormBrowser;

  before(async () => {
    certificates = writeCertificates();
    server = await SlapdServer.start(certificates);
    people = await LdapPeople.in(server);
    person = await people.add('ann', { displayName: 'Ann Arbor', mail: 'ann@example.com' });
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_ACCOUNTS_ADAPTER: 'ldap',
      LATCHKEY_ACCOUNTS_LDAP_URLS: server.url,
      LATCHKEY_ACCOUNTS_LDAP_START_TLS: 'required',
      LATCHKEY_ACCOUNTS_LDAP_CA_FILE: certificates.authority,
      LATCHKEY_ACCOUNTS_LDAP_BIND_DN: READER.dn,
      LATCHKEY_ACCOUNTS_LDAP_BIND_PASSWORD: READER.password,
      LATCHKEY_ACCOUNTS_LDAP_BASE_DN: people.base,
      LATCHKEY_ACCOUNTS_LDAP_TIMEOUT: '20000',
      LATCHKEY_ACCOUNTS_LDAP_CONNECT_TIMEOUT: '10000',
    });
    app = await Application.register(latchkey);
  });
  after(async () => {
    await latchkey?.stop();
    await server?.remove();
    certificates?.remove();
  });
  beforeEach(() => {
    browser = new FormBrowser(latchkey.issuer);
  });

  const signIn = () => app.signIn(browser, { scope: 'openid email profile' }, PERSON);

  it('sign in, with what the directory says of them', async () => {
    const tokens = await signIn();
    const { body } = await app.userinfo(tokens.access_token);
    expect(body).to.include({ sub: person.sub, name: 'Ann Arbor', email: 'ann@example.com' });
    expect(body).to.not.have.property('email_verified');
  });

  for (const password of ['a guess', '\0']) {
    it(`are refused with ${JSON.stringify(password)} as a password`, async () => {
      const landing = await browser.authorize(app.authorizationRequest().url, { ...PERSON, password });
      expect(landing).to.include({ status: 422, pageName: 'login' });
    });
  }

  it('are told when their password has expired, if they know it', async () => {
    const other = await people.add('bob');
    await people.replace(other.dn, 'pwdPolicySubentry', [`cn=strict,${ROOT}`]);
    await people.replace(other.dn, 'pwdReset', ['TRUE']);
    for (const [password, words] of [
      [PASSWORD, 'it has expired'],
      ['a guess', 'do not match'],
    ] as const) {
      const page = await new FormBrowser(latchkey.issuer).authorize(app.authorizationRequest().url, {
        login: 'bob',
        password,
      });
      expect(page).to.include({ status: 422, pageName: 'login' });
      expect(page.page).to.contain(words);
    }
  });

  it('are out as soon as the directory disables them', async () => {
    const tokens = await signIn();
    await people.replace(person.dn, 'userAccountControl', ['514']);
    expect((await app.userinfo(tokens.access_token)).status).to.equal(401);
    expect((await app.refresh(tokens.refresh_token)).body.error).to.equal('invalid_grant');
    const stranger = new FormBrowser(latchkey.issuer);
    expect(await stranger.authorize(app.authorizationRequest().url, PERSON)).to.include({
      status: 422,
      pageName: 'login',
    });
    await people.replace(person.dn, 'userAccountControl', ['512']);
  });

  it('are told to try again while the directory is down, and lose nothing', async () => {
    const tokens = await signIn();
    const stranger = new FormBrowser(latchkey.issuer);
    const page = await stranger.visit(app.authorizationRequest().url);
    await server.stop();
    expect(await stranger.submit(page, 'submit', PERSON)).to.include({ status: 503, pageName: 'login' });
    expect((await app.userinfo(tokens.access_token)).status).to.equal(503);
    const { stdout } = await latchkey.command(['doctor', '--json']);
    expect(findings(stdout)).to.deep.equal(['problem']);
    await server.restart();
    expect((await app.userinfo(tokens.access_token)).status).to.equal(200);
    expect((await app.refresh(tokens.refresh_token)).status).to.equal(200);
  });

  const command = (words: string[], environment: Record<string, string>) =>
    runCommand({ ...latchkey.environment, ...environment }, words);
  const findings = (stdout: string): string[] =>
    (JSON.parse(stdout) as { findings: { check: string; status: string }[] }).findings
      .filter(({ check }) => check === 'ldap')
      .map(({ status }) => status);

  it('are looked at by the doctor, and managed elsewhere', async () => {
    const look = async (environment: Record<string, string> = {}) =>
      findings((await command(['doctor', '--json'], environment)).stdout);
    expect(await look()).to.deep.equal(['ok']);
    expect(await look({ LATCHKEY_ACCOUNTS_LDAP_USER_FILTER: '(uid=nobody)' })).to.deep.equal(['warning']);
    expect(await look({ LATCHKEY_ACCOUNTS_LDAP_SUB_ATTRIBUTE: 'employeeNumber' })).to.deep.equal(['problem']);
    expect(await look({ LATCHKEY_ACCOUNTS_LDAP_BIND_PASSWORD: 'another one' })).to.deep.equal(['problem']);
    const { code, stderr } = await latchkey.command(['users', 'list']);
    expect(code).to.not.equal(0);
    expect(stderr).to.contain('directory');
  });

  it('a filter that is none stops the start with its name', async () => {
    const { code, stderr } = await command(['keys', 'list'], {
      LATCHKEY_ACCOUNTS_LDAP_USER_FILTER: '(uid=',
    });
    expect(code).to.not.equal(0);
    expect(stderr).to.contain('accounts.ldap.user_filter');
  });

  it('leave no secret in the log', () => {
    for (const secret of [PASSWORD, READER.password]) expect(latchkey.output).to.not.contain(secret);
  });
});
