import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { runCommand } from '../flows/latchkey-process.ts';
import { SmtpServer } from '../mail/smtp-server.ts';
import { writeCertificates } from '../redis/test-certificates.ts';
import { CliBench } from './cli-bench.ts';

interface Finding {
  check: string;
  status: 'ok' | 'warning' | 'problem';
  message: string;
  advice?: string;
}

const DAY = 86_400_000;

describe('latchkey doctor', () => {
  let bench: CliBench;

  /** What a look comes to; the exit code always says whether there is a problem. */
  async function look(): Promise<Finding[]> {
    const { code, stdout, stderr } = await bench.run(['doctor', '--json']);
    expect(stderr).to.equal('');
    const { healthy, findings } = JSON.parse(stdout) as { healthy: boolean; findings: Finding[] };
    const problems = findings.filter(({ status }) => status === 'problem');
    expect({ healthy, code }).to.deep.equal({
      healthy: problems.length === 0,
      code: problems.length === 0 ? 0 : 1,
    });
    for (const { status, advice, message } of findings) {
      if (status !== 'ok') expect(advice, message).to.be.a('string');
    }
    return findings;
  }
  const of = (findings: Finding[], check: string, status: Finding['status']) =>
    findings.filter((finding) => finding.check === check && finding.status === status);
  const change = (statement: string): void => {
    const database = new DatabaseSync(path.join(bench.dataDir, 'latchkey.db'));
    database.exec(statement);
    database.close();
  };

  beforeEach(async () => {
    bench = new CliBench();
    // Nobody answers there, so that nothing depends on who else is on this machine.
    bench.environment = { LATCHKEY_ISSUER: 'http://localhost:9', LATCHKEY_MANAGEMENT_PORT: '0' };
    await bench.json(['keys', 'list']);
  });
  afterEach(() => bench.close());

  it('finds a new installation in order, but for the server that does not run', async () => {
    const findings = await look();
    expect(findings.filter(({ status }) => status !== 'ok').map(({ check }) => check)).to.deep.equal([
      'issuer',
    ]);
    const checks = findings.map(({ check }) => check);
    expect(checks).to.include.members([
      'configuration',
      'runtime',
      'file_modes',
      'disk',
      'sqlite',
      'schema',
      'encryption_key',
      'signing_keys',
      'registrations',
    ]);
  });

  it('has nothing to say of an installation that was never started, and makes nothing', async () => {
    const empty = path.join(bench.dataDir, 'empty');
    bench.environment.LATCHKEY_DATA_DIR = empty;
    const findings = await look();
    expect(of(findings, 'file_modes', 'warning')).to.have.length(1);
    expect(() => chmodSync(empty, 0o700)).to.throw('ENOENT');
  });

  it('says for people what is wrong, and under it what to do', async () => {
    chmodSync(bench.dataDir, 0o755);
    const { code, stdout } = await bench.run(['doctor']);
    expect(code).to.equal(1);
    expect(stdout).to.match(
      /^PROBLEM {2}file_modes +others on this machine may get at .* \(mode 0755\)\n +→ chmod 700 /m,
    );
    expect(stdout).to.match(/\n1 problems, 1 warnings\n$/);
  });

  it('names each problem of a configuration that cannot be used', async () => {
    bench.environment = { LATCHKEY_PORT: 'x', LATCHKEY_HOST: '' };
    const findings = await look();
    expect(findings.map(({ check, status }) => ({ check, status }))).to.deep.equal([
      { check: 'configuration', status: 'problem' },
      { check: 'configuration', status: 'problem' },
    ]);
  });

  it('finds files that others may read', async () => {
    for (const name of ['encryption.key', 'latchkey.db']) chmodSync(path.join(bench.dataDir, name), 0o644);
    const problems = of(await look(), 'file_modes', 'problem');
    expect(problems.map(({ advice }) => advice)).to.have.members(
      ['latchkey.db', 'encryption.key'].map((name) => `chmod 600 ${path.join(bench.dataDir, name)}`),
    );
  });

  it('finds private keys and mails that others may read, also before the first start', async () => {
    const certificates = writeCertificates();
    try {
      const { serverCertificate: certFile, serverKey: keyFile } = certificates;
      chmodSync(keyFile, 0o644);
      const outbox = path.join(bench.dataDir, 'outbox');
      mkdirSync(outbox);
      chmodSync(outbox, 0o755);
      // As a process: what is configured by files is told by its environment.
      const advised = async (dataDir: string): Promise<string[]> => {
        const environment = {
          LATCHKEY_ISSUER: 'https://localhost:9',
          LATCHKEY_MANAGEMENT_PORT: '0',
          LATCHKEY_DATA_DIR: dataDir,
          LATCHKEY_TLS_CERT_FILE: certFile,
          LATCHKEY_TLS_KEY_FILE: keyFile,
        };
        const { stdout } = await runCommand(environment, ['doctor', '--json']);
        return of(JSON.parse(stdout).findings, 'file_modes', 'problem').map(({ advice = '' }) => advice);
      };
      expect(await advised(bench.dataDir)).to.have.members([`chmod 600 ${keyFile}`, `chmod 700 ${outbox}`]);
      expect(await advised(path.join(bench.dataDir, 'none'))).to.deep.equal([`chmod 600 ${keyFile}`]);
    } finally {
      certificates.remove();
    }
  }).timeout(60_000);

  it('finds what is not of the user that the data directory belongs to', async () => {
    const outbox = path.join(bench.dataDir, 'outbox');
    mkdirSync(outbox, { mode: 0o700 });
    // Whoever is no superuser owns all that they can make.
    const mayGive = process.getuid?.() === 0;
    if (mayGive) chownSync(outbox, 65_534, 65_534);
    const warnings = of(await look(), 'file_modes', 'warning');
    expect(warnings.map(({ message }) => message)).to.deep.equal(
      mayGive ? [`${outbox} belongs to another user (uid 65534)`] : [],
    );
  });

  it('names clients and APIs whose algorithm left the configuration', async () => {
    bench.environment.LATCHKEY_KEYS_ALGORITHMS = 'RS256,ES256,EdDSA';
    const metadata = { redirect_uris: ['https://a.example/cb'], id_token_signed_response_alg: 'EdDSA' };
    await bench.json(['clients', 'create', '--client-id', 'notes', '--file', '-'], JSON.stringify(metadata));
    await bench.json(['clients', 'create', '--client-id', 'other', '--redirect-uri', 'https://b.example/cb']);
    await bench.json(['apis', 'create', '--identifier', 'https://api.example', '--algorithm', 'EdDSA']);
    expect(of(await look(), 'registrations', 'ok')).to.have.length(1);
    bench.environment.LATCHKEY_KEYS_ALGORITHMS = 'RS256,ES256';
    const problems = of(await look(), 'registrations', 'problem').map(({ message }) => message);
    expect(problems).to.have.length(2);
    expect(problems[0]).to.match(/^API https:\/\/api\.example .*EdDSA/);
    expect(problems[1]).to.match(/^client notes .*EdDSA/);
  });

  it('names clients whose API is gone, and those that cannot authenticate for want of their secret', async () => {
    await bench.json(['apis', 'create', '--identifier', 'https://api.example']);
    const client = ['clients', 'create', '--grant-type', 'client_credentials', '--client-id'];
    await bench.json([...client, 'reader', '--resource-server', 'https://api.example']);
    await bench.json([...client, 'shop', '--default-resource', 'https://api.example']);
    await bench.json([...client, 'mac', '--token-endpoint-auth-method', 'client_secret_jwt']);
    await bench.json(['apis', 'delete', 'https://api.example']);
    change("UPDATE clients SET secret_sealed = NULL WHERE client_id = 'mac'");
    const findings = await look();
    const warnings = of(findings, 'registrations', 'warning').map(({ message }) => message);
    expect(warnings).to.have.length(2);
    expect(warnings.join('\n'))
      .to.match(/^client reader is the API https:\/\/api\.example/m)
      .and.to.match(/^client shop has the default API https:\/\/api\.example/m);
    expect(of(findings, 'registrations', 'problem')[0]).to.include({ advice: 'clients rotate-secret mac' });
  });

  it('finds signing keys that should have been replaced, or that an algorithm lacks', async () => {
    change(`UPDATE signing_keys SET activated_at = ${Date.now() - 40 * DAY} WHERE algorithm = 'RS256';
      DELETE FROM signing_keys WHERE algorithm = 'ES256'`);
    const findings = await look();
    // Nobody runs who would have replaced it.
    expect(of(findings, 'signing_keys', 'warning')[0]?.message).to.match(/^RS256: .* 40 days .*replaced$/);
    expect(of(findings, 'signing_keys', 'problem')[0]?.message).to.equal('there is no key for ES256');
    const rooms = await bench.openRooms();
    try {
      expect(
        of(await look(), 'signing_keys', 'problem').map(({ message }) => message.slice(0, 5)),
      ).to.include('RS256');
    } finally {
      await rooms.close();
    }
  });

  it('finds a clock that went back', async () => {
    change(`UPDATE signing_keys SET created_at = ${Date.now() + 3 * DAY} WHERE algorithm = 'ES256'`);
    expect(of(await look(), 'clock', 'problem')[0]?.message).to.match(/made 2 days from now/);
  });

  it('tells what an older encryption key still opens, and what none opens', async () => {
    const [older, newer, other] = Array.from({ length: 3 }, () => randomBytes(32).toString('base64'));
    const elsewhere = path.join(bench.dataDir, 'keyed');
    bench.environment.LATCHKEY_DATA_DIR = elsewhere;
    bench.environment.LATCHKEY_ENCRYPTION_KEY = older as string;
    await bench.json(['keys', 'list']);
    expect(of(await look(), 'encryption_key', 'ok')).to.have.length(1);
    bench.environment.LATCHKEY_ENCRYPTION_KEY = `${newer},${older}`;
    expect(of(await look(), 'encryption_key', 'warning')[0]?.message).to.match(
      /^3 of 3 secrets are still sealed/,
    );
    bench.environment.LATCHKEY_ENCRYPTION_KEY = other as string;
    expect(of(await look(), 'encryption_key', 'problem')).to.have.length(3);
  });

  it('finds an encryption key that is not random', async () => {
    bench.environment.LATCHKEY_ENCRYPTION_KEY = Buffer.alloc(32, 'ab').toString('base64');
    bench.environment.LATCHKEY_DATA_DIR = path.join(bench.dataDir, 'weak');
    await bench.json(['keys', 'list']);
    expect(of(await look(), 'encryption_key', 'problem')[0]?.message).to.match(/not random/);
  });

  it('says of which version the database is, without changing it', async () => {
    change("DROP TABLE epochs; DELETE FROM migrations WHERE name = '0004-epochs'");
    expect(of(await look(), 'schema', 'warning')[0]?.message).to.contain('0004-epochs');
    expect(of(await look(), 'schema', 'warning'), 'it is still the same').to.have.length(1);
    change("INSERT INTO migrations VALUES ('9999-from-the-future', 1)");
    expect(of(await look(), 'schema', 'problem')[0]?.message).to.contain('9999-from-the-future');
  });

  it('looks at the secrets of a database of an earlier version', async () => {
    change("DROP TABLE totp_secrets; DELETE FROM migrations WHERE name = '0008-second-factors'");
    const findings = await look();
    expect(of(findings, 'schema', 'warning')).to.have.length(1);
    expect(of(findings, 'encryption_key', 'ok')).to.have.length(1);
  });

  it('finds a database that is damaged or none', async () => {
    writeFileSync(path.join(bench.dataDir, 'latchkey.db'), 'a text');
    expect(of(await look(), 'sqlite', 'problem')[0]?.message).to.match(
      /cannot be opened: file is not a database/,
    );
  });

  it('finds what restores left behind', async () => {
    mkdirSync(path.join(bench.dataDir, 'replaced-2026-01-02'));
    mkdirSync(path.join(bench.dataDir, 'restoring-abcdef'));
    const warnings = of(await look(), 'restores', 'warning').map(({ message }) => message);
    expect(warnings[0]).to.contain('replaced-2026-01-02');
    expect(warnings[1]).to.contain('restoring-abcdef');
  });

  it('warns of proxies that are half of the internet', async () => {
    bench.environment.LATCHKEY_TRUSTED_PROXIES = '10.0.0.0/8,192.0.2.7';
    const warnings = of(await look(), 'trusted_proxies', 'warning');
    expect(warnings.map(({ message }) => message.split(' ')[0])).to.deep.equal(['10.0.0.0/8']);
  });

  it('says that PostgreSQL or Redis cannot be reached', async () => {
    bench.environment.LATCHKEY_DATABASE_URL = 'postgres://latchkey:hunter2@127.0.0.1:9/latchkey';
    bench.environment.LATCHKEY_REDIS_URL = 'redis://:hunter2@127.0.0.1:9';
    const { stdout } = await bench.run(['doctor', '--json']);
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    expect(of(findings, 'postgres', 'problem')[0]?.message).to.contain('127.0.0.1:9');
    expect(of(findings, 'redis', 'problem')[0]?.message).to.contain('not connected');
    expect(stdout).not.to.contain('hunter2');
  }).timeout(60_000);

  it('tries the mail server without sending anything, and says when mail reaches nobody', async () => {
    const outbox = path.join(bench.dataDir, 'outbox');
    expect(of(await look(), 'mail', 'ok')[0]?.message).to.contain(outbox);
    bench.environment.LATCHKEY_ISSUER = 'https://id.example.invalid';
    bench.environment.LATCHKEY_TRUSTED_PROXIES = 'loopback';
    expect(of(await look(), 'mail', 'warning')[0]?.message).to.contain(outbox);
    const smtp = await SmtpServer.start();
    try {
      bench.environment.LATCHKEY_SMTP_URL = smtp.url.replace('//', '//user:hunter2@');
      expect(of(await look(), 'mail', 'ok')).to.have.length(1);
      expect(smtp.credentials).to.have.length(1);
      expect(smtp.received).to.have.length(0);
      smtp.misbehave = (verb) => (verb === 'AUTH' ? '535 5.7.8 not you' : undefined);
      const [refused] = of(await look(), 'mail', 'problem');
      expect(refused?.message).to.contain('535').and.not.contain('hunter2');
    } finally {
      await smtp.close();
    }
    expect(of(await look(), 'mail', 'problem')[0]?.message).to.contain('ECONNREFUSED');
  }).timeout(60_000);

  describe('of the issuer', () => {
    let server: Server;
    let answer: (
      issuer: string,
      path: string,
    ) => { status: number; body: string; date?: string; location?: string };

    beforeEach(async () => {
      server = createServer((request, response) => {
        const { status, body, date, location } = answer(
          bench.environment.LATCHKEY_ISSUER ?? '',
          request.url ?? '',
        );
        if (date !== undefined) response.setHeader('Date', date);
        if (location !== undefined) response.setHeader('Location', location);
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      bench.environment.LATCHKEY_ISSUER = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterEach(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    it('is content with discovery that names it', async () => {
      answer = (issuer) => ({ status: 200, body: JSON.stringify({ issuer }) });
      const findings = await look();
      expect(of(findings, 'issuer', 'ok')).to.have.length(1);
      expect(findings.filter(({ check }) => check === 'clock')).to.deep.equal([]);
    });

    it('finds discovery of another issuer', async () => {
      answer = () => ({ status: 200, body: '{"issuer":"https://other.example"}' });
      expect(of(await look(), 'issuer', 'problem')[0]?.message).to.contain('https://other.example');
    });

    it('finds no discovery document', async () => {
      answer = () => ({ status: 404, body: 'not here' });
      expect(of(await look(), 'issuer', 'problem')[0]?.message).to.contain('status 404');
    });

    it('finds pages that lead to themselves, as behind a proxy that is not believed', async () => {
      answer = (issuer, path) =>
        path === '/'
          ? { status: 308, body: '', location: `${issuer}/` }
          : { status: 200, body: JSON.stringify({ issuer }) };
      const findings = await look();
      expect(of(findings, 'issuer', 'ok')).to.have.length(1);
      const [found] = of(findings, 'trusted_proxies', 'problem');
      expect(found?.message).to.contain('leads to itself');
      expect(found?.advice).to.contain('X-Forwarded-Proto: https');
    });

    it('finds a clock that differs', async () => {
      const date = new Date(Date.now() - 300_000).toUTCString();
      answer = (issuer) => ({ status: 200, body: JSON.stringify({ issuer }), date });
      expect(of(await look(), 'clock', 'problem')[0]?.message).to.match(/(299|300|301)\.\d s behind/);
    });
  });

  describe('error', () => {
    const LOG = [
      'not a line of JSON',
      '{"level":30,"time":"2026-01-02T03:04:05.000Z","requestId":"one","path":"/auth","msg":"request began"}',
      '{"level":30,"time":"2026-01-02T03:04:05.001Z","requestId":"two","path":"/token","msg":"request began"}',
      '{"level":30,"time":"2026-01-02T03:04:05.678Z","requestId":"one","reference":"K7Q29XWM","clientId":"notes","err":{"name":"InvalidRedirectUri","error_description":"redirect_uri did not match","error_detail":"expected https://a.example, came https://b.example"},"msg":"protocol error page"}',
    ].join('\n');

    it('shows what the log says of a reference, however it was read out', async () => {
      for (const reference of ['K7Q29XWM', 'k7q2-9xwm', 'K7Q2 9XWM']) {
        const { code, stdout } = await bench.run(['doctor', 'error', reference], LOG);
        expect(code).to.equal(0);
        expect(stdout).to.contain('request began').and.contain('protocol error page');
        expect(stdout).to.contain('expected https://a.example, came https://b.example');
        expect(stdout).not.to.contain('/token');
      }
      const lines = await bench.json<Record<string, unknown>[]>(['doctor', 'error', 'K7Q29XWM'], LOG);
      expect(lines.map(({ requestId }) => requestId)).to.deep.equal(['one', 'one']);
    });

    it('reads a file', async () => {
      const file = path.join(bench.dataDir, 'server.log');
      writeFileSync(file, LOG);
      expect((await bench.run(['doctor', 'error', 'K7Q29XWM', '--log', file])).code).to.equal(0);
      const refusal = await bench.refusal(['doctor', 'error', 'K7Q29XWM', '--log', `${file}.1`]);
      expect(refusal).to.include({ code: 1, error: 'unreadable' });
    });

    it('says when there is none', async () => {
      const refusal = await bench.refusal(['doctor', 'error', 'ZZZZZZZZ'], LOG);
      expect(refusal).to.include({ code: 1, error: 'not_found' });
    });
  });
});
