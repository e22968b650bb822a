import { expect } from 'chai';
import { ADA, Application } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { logOf } from './server-log.ts';

for (const workers of ['1', '2']) {
  describe(`metrics with ${workers} worker${workers === '1' ? '' : 's'}`, function () {
    this.timeout(60_000);
    let latchkey: LatchkeyProcess;
    let app: Application;

    before(async () => {
      latchkey = await LatchkeyProcess.start({ LATCHKEY_WORKERS: workers });
      [app] = await Promise.all([
        Application.register(latchkey),
        latchkey.createPerson(ADA.login, ADA.password),
      ]);
    });
    after(() => latchkey.stop());

    async function seriesValue(series: string): Promise<number | undefined> {
      const line = (await latchkey.metrics()).split('\n').find((one) => one.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    }
    /** A worker tells its primary every second. */
    const expectValue = (series: string, value: number): Promise<void> =>
      eventually(`${series} is ${value}`, async () => (await seriesValue(series)) === value);

    it('are in the text format of Prometheus, at once after the start', async () => {
      const response = await fetch(`${latchkey.management}/metrics`);
      expect(response.status).to.equal(200);
      expect(response.headers.get('content-type')).to.match(/^text\/plain; version=0\.0\.4/);
      for (const line of (await response.text()).split('\n')) {
        expect(line).to.match(/^$|^# (HELP|TYPE) [a-z_]+ |^[a-z_]+(\{([a-z_]+="[^"\n]*",?)*\})? [-+.e\d]+$/);
      }
    });

    it('tell requests by endpoint and error, logins by outcome, and never a path', async () => {
      const answered = 'latchkey_http_requests_total';
      const before =
        (await seriesValue(`${answered}{endpoint="userinfo",status="4xx",error="invalid_token"}`)) ?? 0;
      // Connections of their own, so that every worker gets some.
      for (let count = 0; count < 4; count += 1) {
        await fetch(`${latchkey.issuer}/me`, { headers: { Authorization: 'Bearer x', Connection: 'close' } });
      }
      await fetch(`${latchkey.issuer}/secret/path/of/somebody`);
      await app.redeem({ code: 'unknown', verifier: 'v'.repeat(43) });
      const browser = new FormBrowser(latchkey.issuer);
      const page = await browser.visit(app.authorizationRequest({ scope: 'openid' }).url);
      await browser.submit(page, 'submit', { login: ADA.login, password: 'a wrong password' });
      await app.signIn(new FormBrowser(latchkey.issuer));

      await expectValue(`${answered}{endpoint="userinfo",status="4xx",error="invalid_token"}`, before + 4);
      await expectValue(`${answered}{endpoint="token",status="4xx",error="invalid_grant"}`, 1);
      await expectValue(`${answered}{endpoint="other",status="4xx",error="not_found"}`, 1);
      await expectValue('latchkey_logins_total{outcome="succeeded"}', 1);
      await expectValue('latchkey_logins_total{outcome="wrong_password"}', 1);
      await expectValue('latchkey_http_request_duration_seconds_count{endpoint="interaction_login"}', 2);
      const commits = await seriesValue('latchkey_store_round_trips_total{store="sqlite"}');
      expect(commits).to.be.above(0);
      expect(await latchkey.metrics()).not.to.contain('somebody');
    });

    it('tell the error that a redirect carries', async () => {
      const url = app.authorizationRequest({ scope: 'openid', prompt: 'none' }).url;
      const response = await fetch(url, { redirect: 'manual' });
      expect(response.headers.get('location')).to.contain('error=login_required');
      await expectValue(
        'latchkey_http_requests_total{endpoint="authorization",status="3xx",error="login_required"}',
        1,
      );
    });

    it('tell the age of the keys, and whether all is ready', async () => {
      for (const algorithm of ['RS256', 'ES256']) {
        const age = await seriesValue(
          `latchkey_signing_key_age_seconds{algorithm="${algorithm}",state="active"}`,
        );
        expect(age).to.be.within(0, 120);
      }
      for (const check of ['serving', 'database', 'grants', 'keys', 'clock']) {
        expect(await seriesValue(`latchkey_ready{check="${check}"}`), check).to.equal(1);
      }
      const page = await (await fetch(`${latchkey.management}/readyz`)).text();
      expect(page).to.equal('ready\nserving: ok\ndatabase: ok\ngrants: ok\nkeys: ok\nclock: ok\n');
    });

    it('tell of each process its memory and its event loop', async () => {
      const processes = workers === '1' ? ['1'] : ['primary', '1', '2'];
      for (const process of processes) {
        const memory = `process_resident_memory_bytes{process="${process}"}`;
        // The first worker alone listens when the start is told of; another tells of itself after its first second.
        await eventually(`${memory} is told`, async () => ((await seriesValue(memory)) ?? 0) > 1e7);
        const lag = await seriesValue(`nodejs_eventloop_lag_seconds{process="${process}",statistic="p99"}`);
        expect(lag).to.be.within(0, 10);
      }
    });
  });
}

describe('the request id', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  afterEach(() => latchkey.stop());

  /** The id in the lines of a login that fails, in that of the room that refused it and in that of the request. */
  async function idsOfFailedLogin(headers: Record<string, string> = {}): Promise<unknown[]> {
    const app = await Application.register(latchkey);
    const browser = new FormBrowser(latchkey.issuer);
    const page = await browser.visit(app.authorizationRequest({ scope: 'openid' }).url);
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.page)?.[1] ?? '';
    await browser.request(new URL(`${page.url.pathname}/login`, latchkey.issuer), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams({ csrf, login: 'nobody@example.com', password: 'wrong password' }),
    });
    const isRequest = ({ msg, endpoint }: { msg: string; endpoint?: unknown }): boolean =>
      msg === 'request' && endpoint === 'interaction_login';
    await eventually('the request is in the log', () => logOf(latchkey).some(isRequest));
    return logOf(latchkey)
      .filter((line) => line.msg === 'login failed' || isRequest(line))
      .map(({ requestId }) => requestId);
  }

  it('is in every line that belongs to a request; a stranger does not choose it', async () => {
    latchkey = await LatchkeyProcess.start();
    const ids = await idsOfFailedLogin({ 'x-request-id': 'chosen' });
    expect(ids).to.have.lengthOf(2);
    expect(ids[0])
      .to.match(/^[0-9a-f-]{36}$/)
      .and.equal(ids[1]);
  });

  it('is that of a trusted proxy', async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_TRUSTED_PROXIES: 'loopback' });
    expect(await idsOfFailedLogin({ 'x-request-id': 'from-the-proxy' })).to.deep.equal([
      'from-the-proxy',
      'from-the-proxy',
    ]);
  });
});
