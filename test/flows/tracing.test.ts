import path from 'node:path';
import { expect } from 'chai';
import { ADA, Application } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import type { RecordedSpan } from './span-recorder.ts';

const RECORDER = path.join(import.meta.dirname, 'span-recorder.ts');
const SERVER = 1;
const ERROR = 2;

describe('spans', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;

  async function start(environment: Record<string, string> = {}): Promise<void> {
    latchkey = await LatchkeyProcess.start({ NODE_OPTIONS: `--import=${RECORDER}`, ...environment });
  }
  afterEach(() => latchkey.stop());

  async function spans(): Promise<RecordedSpan[]> {
    const answers = (): string[] => latchkey.output.split('\n').filter((line) => line.startsWith('SPANS '));
    const before = answers().length;
    process.kill(latchkey.pid, 'SIGUSR2');
    await eventually('they are told', () => answers().length > before && latchkey.output.endsWith('\n'));
    return JSON.parse((answers().at(-1) as string).slice('SPANS '.length)) as RecordedSpan[];
  }

  it('tell of each request where it went and how it ended, with the calls of the store and hashing below it', async () => {
    await start();
    const [app] = await Promise.all([
      Application.register(latchkey),
      latchkey.createPerson(ADA.login, ADA.password),
    ]);
    await app.signIn(new FormBrowser(latchkey.issuer));
    await app.redeem({ code: 'unknown', verifier: 'v'.repeat(43) });
    const all = await spans();
    const requests = all.filter(({ kind }) => kind === SERVER);
    const names = requests.map(({ name }) => name);
    expect(names).to.include.members([
      'GET discovery',
      'GET authorization',
      'GET interaction',
      'POST interaction_login',
      'GET resume',
      'POST token',
    ]);
    const login = requests.find(({ name }) => name === 'POST interaction_login') as RecordedSpan;
    const below = all.filter(({ parentSpanId }) => parentSpanId === login.spanId);
    expect(below.map(({ name }) => name)).to.include.members(['password.verify', 'store.apply']);
    expect(below.every(({ traceId }) => traceId === login.traceId)).to.equal(true);

    const refused = requests.find(({ attributes }) => attributes['error.type'] === 'invalid_grant');
    expect(refused?.name).to.equal('POST token');
    expect(refused?.attributes['http.response.status_code']).to.equal(400);
    expect(refused?.status).not.to.equal(ERROR);
  });

  it('carry names and outcomes alone: no path, no query, no argument', async () => {
    await start();
    const canary = 'CANARYCANARY';
    await fetch(`${latchkey.issuer}/auth?client_id=${canary}&login_hint=${canary}`);
    await fetch(`${latchkey.issuer}/${canary}?code=${canary}`);
    await fetch(`${latchkey.issuer}/interaction/${canary}`);
    await fetch(`${latchkey.issuer}/token`, {
      method: 'POST',
      headers: { Authorization: `Basic ${btoa(`${canary}:${canary}`)}` },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: canary }),
    });
    const all = await spans();
    expect(JSON.stringify(all)).not.to.contain(canary);
    const attributes = new Set(all.flatMap((span) => Object.keys(span.attributes)));
    expect([...attributes]).to.have.members([
      'http.request.method',
      'http.route',
      'http.response.status_code',
      'error.type',
    ]);
    expect(all.flatMap(({ events }) => events)).to.deep.equal([]);
  });

  const parent = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
  const traceparent = `00-${parent.traceId}-${parent.spanId}-01`;

  it('do not join the trace that anybody names', async () => {
    await start();
    await fetch(`${latchkey.issuer}/jwks`, { headers: { traceparent } });
    const span = (await spans()).find(({ name }) => name === 'GET jwks');
    expect(span?.traceId).to.be.a('string').and.not.equal(parent.traceId);
    expect(span?.parentSpanId).to.equal(undefined);
  });

  it('join the trace that a trusted proxy names', async () => {
    await start({ LATCHKEY_TRUSTED_PROXIES: 'loopback' });
    await fetch(`${latchkey.issuer}/jwks`, { headers: { traceparent } });
    const span = (await spans()).find(({ name }) => name === 'GET jwks');
    expect(span?.traceId).to.equal(parent.traceId);
    expect(span?.parentSpanId).to.equal(parent.spanId);
  });
});
