import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { type LogLine, logOf } from '../flows/server-log.ts';
import { type WrongRequest, wrongRequests } from './wrong-request-table.ts';

/** What the developer is told, wherever the answer carries it: JSON, a redirect, or a page. */
interface Told {
  error: string;
  words: string;
  reference: string;
}

async function toldBy(response: Response): Promise<Told> {
  const text = await response.text();
  const reference = response.headers.get('Latchkey-Reference') ?? '';
  const location = URL.parse(response.headers.get('Location') ?? '');
  if (location !== null) {
    const answer = new URLSearchParams(location.search || location.hash.slice(1));
    return { error: answer.get('error') ?? '', words: answer.get('error_description') ?? '', reference };
  }
  if (text.startsWith('{')) {
    const { error, error_description: words = '' } = JSON.parse(text) as Record<string, string>;
    return { error: error ?? '', words, reference };
  }
  // The code stands on the page as well, beside words for people and the reference; a form is on its way to the client.
  expect(text, 'the page shows the reference').to.satisfy(
    (page: string) => page.includes(reference) || page.includes('name="error"'),
  );
  const code = /\b(invalid_\w+|unsupported_\w+)\b/.exec(text)?.[1];
  return { error: code ?? '', words: text, reference };
}

describe('a wrong request', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let secrets: string[] = [];
  const answered: { row: WrongRequest; told: Told; status: number }[] = [];
  const lineOf = (reference: string): LogLine | undefined =>
    logOf(latchkey).find((line) => line.reference === reference);

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_FEATURES_TOKEN_EXCHANGE: 'true' });
    const wrong = await wrongRequests(latchkey);
    secrets = wrong.secrets;
    for (const row of wrong.requests) {
      const response = await row.send();
      answered.push({ row, told: await toldBy(response), status: response.status });
    }
    const last = answered.at(-1)?.told.reference ?? '';
    await eventually('the log has the last of them', () => lineOf(last) !== undefined);
  });
  after(() => latchkey.stop());

  it('is one of more than sixty, with more than sixty causes', () => {
    expect(answered.length).to.be.above(60);
    expect(new Set(answered.map(({ row }) => row.cause)).size).to.be.above(60);
  });

  it('is answered with its error code, and a reference', () => {
    for (const { row, told, status } of answered) {
      expect(told.error, row.what).to.equal(row.error);
      expect(told.reference, row.what).to.match(/^[2-9A-Z]{8}$/);
      expect(status, row.what).to.be.below(500);
    }
    expect(new Set(answered.map(({ told }) => told.reference)).size).to.equal(answered.length);
  });

  it('leads by its reference to one named cause, what was expected, and what came', () => {
    for (const { row, told } of answered) {
      const line = lineOf(told.reference);
      expect(line?.cause, row.what).to.equal(row.cause);
      expect(String(line?.expected ?? ''), row.what).to.not.equal('');
      expect(line, row.what).to.include.keys('endpoint', 'method', 'path', 'status');
    }
    const came = (what: string) =>
      lineOf(answered.find(({ row }) => row.what === what)?.told.reference ?? '');
    expect(came('a redirect_uri that is not registered')).to.include({
      expected: 'exactly one of: http://localhost:9/callback',
      came: 'redirect_uri=http://localhost:9/other',
      clientId: 'app',
    });
    expect(came('an assertion for the token endpoint')?.came).to.contain(`aud=${latchkey.issuer}/token`);
    expect(came('an assertion for the token endpoint')?.expected).to.equal(`aud=${latchkey.issuer} alone`);
    expect(came('a grant_type that is not registered')?.expected).to.contain('client_credentials');
  });

  it('helps its developer in words, but nobody who tries out what is a secret', () => {
    for (const { row, told } of answered) {
      const hidden = ['invalid_client', 'invalid_grant'].includes(row.error) && !told.words.includes('<html');
      if (hidden) {
        // The same for a wrong secret, an unknown client, a code of somebody else.
        expect(told.words, row.what).to.be.oneOf([
          'client authentication failed',
          'grant request is invalid',
          'client is invalid',
        ]);
      } else if (!['registration_not_supported', 'request_uri_not_supported'].includes(row.error)) {
        expect(told.words.length, row.what).to.be.above(10);
      }
    }
  });

  it('leaves no secret in the log', () => {
    const lines = latchkey.output.split('\n').filter((line) => line.includes('"cause"'));
    expect(lines.length).to.be.above(60);
    expect(secrets.length).to.be.above(20);
    for (const secret of secrets) expect(lines.join('\n').includes(secret), secret).to.equal(false);
    expect(lines.join('\n'), 'no JWT').to.not.match(/eyJ[\w-]+\.[\w-]+/);
  });

  it('is looked up by the operator', async () => {
    const file = path.join(latchkey.dataDir, 'server.log');
    writeFileSync(file, latchkey.output);
    const wrong = answered.find(({ row }) => row.what === 'a code with another verifier');
    const { code, stdout } = await latchkey.command([
      'doctor',
      'error',
      wrong?.told.reference ?? '',
      '--log',
      file,
    ]);
    expect(code).to.equal(0);
    expect(stdout).to.contain('cause: verifier_mismatch').and.contain('expected: the code_verifier');
  });
});
