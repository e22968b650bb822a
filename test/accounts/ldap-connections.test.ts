import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { hash } from '@node-rs/argon2';
import { expect } from 'chai';
import { AccountsUnavailable } from '../../lib/accounts/account-adapter.ts';
import type { LdapAccountAdapter } from '../../lib/accounts/ldap/ldap-account-adapter.ts';
import { compareTimes } from '../authentication/rank-comparison.ts';
import { TcpProxy } from '../faults/tcp-proxy.ts';
import { eventually, freePort } from '../flows/latchkey-process.ts';
import { type CertificateFiles, writeCertificates } from '../redis/test-certificates.ts';
import { LdapPeople, PASSWORD } from './ldap-people.ts';
import { READER, SlapdServer } from './slapd-server.ts';

/** An answer to StartTLS: an extended response for message 1 with result code 0 (success) or another. */
const startTlsAnswer = (code: number): Buffer =>
  Buffer.from([0x30, 12, 2, 1, 1, 0x78, 7, 10, 1, code, 4, 0, 4, 0]);

describe('the connections to an LDAP directory', function () {
  this.timeout(120_000);
  let certificates: CertificateFiles;
  let server: SlapdServer;
  let people: LdapPeople;
  let sub: string;
  let proxy: TcpProxy | undefined;
  let listener: Server | undefined;

  before(async () => {
    certificates = writeCertificates();
    server = await SlapdServer.start(certificates);
    people = await LdapPeople.in(server);
    ({ sub } = await people.add('ann'));
  });
  after(async () => {
    await people?.close();
    await server?.remove();
    certificates?.remove();
  });
  afterEach(async () => {
    await proxy?.close();
    listener?.close();
    [proxy, listener] = [undefined, undefined];
  });

  async function expectGood(adapter: LdapAccountAdapter): Promise<void> {
    expect(await adapter.findBySub(sub)).to.include({ login: 'ann' });
    expect(await adapter.verifyPassword('ann', PASSWORD)).to.have.property('outcome', 'verified');
    expect(await adapter.verifyPassword('ann', 'a guess')).to.include({ reason: 'wrong_password' });
  }

  /** Neither somebody nor nobody, neither right nor wrong; and what is said of it tells no secret. */
  async function expectUnavailable(adapter: LdapAccountAdapter): Promise<string> {
    for (const work of [adapter.findBySub(sub), adapter.findByLogin('ann')]) {
      expect(await work.catch((error: unknown) => error)).to.be.instanceOf(AccountsUnavailable);
    }
    const verification = await adapter.verifyPassword('ann', PASSWORD);
    expect(verification).to.have.property('outcome', 'unavailable');
    const told = verification.outcome === 'unavailable' ? String(verification.cause?.message) : '';
    expect(told).to.not.be.empty.and.not.include(PASSWORD);
    expect(told).to.not.include(READER.password);
    return told;
  }

  /** Whoever listens on a port of their own, and does this with each connection. */
  async function listen(serve: (socket: Socket) => void): Promise<string> {
    listener = createServer((socket) => {
      socket.on('error', () => {});
      serve(socket);
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return `ldap://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  }

  describe('over TLS', () => {
    const caFile = () => certificates.authority;

    it('work from the first byte, and after StartTLS', async () => {
      await expectGood(people.adapter({ urls: [server.tlsUrl], caFile: caFile() }));
      await expectGood(people.adapter({ urls: [server.url], startTls: 'required', caFile: caFile() }));
      const byName = `ldaps://localhost:${server.tlsPort}`;
      await expectGood(people.adapter({ urls: [byName], caFile: caFile() }));
    });

    it('do not come about with a server that nobody vouches for, or with another one', async () => {
      for (const settings of [
        { urls: [server.tlsUrl] },
        { urls: [server.url], startTls: 'required' as const },
        { urls: [server.tlsUrl], caFile: certificates.otherAuthority },
        { urls: [`ldaps://127.0.0.2:${server.tlsPort}`], caFile: caFile() },
      ]) {
        await expectUnavailable(people.adapter(settings));
      }
    });

    it('do not come about when the server refuses StartTLS, and nothing is said in the clear', async () => {
      let heard = Buffer.alloc(0);
      const url = await listen((socket) => {
        socket.on('data', (bytes) => {
          heard = Buffer.concat([heard, bytes]);
          socket.write(startTlsAnswer(52));
        });
      });
      const told = await expectUnavailable(people.adapter({ urls: [url], startTls: 'required' }));
      expect(told).to.include('StartTLS');
      expect(heard.toString('latin1')).to.not.include('latchkey').and.not.include(READER.password);
    });

    it('take nothing that was slipped in before they were encrypted', async () => {
      // The beginning of a message that says that a bind succeeded: its end would come encrypted.
      const slipped = Buffer.from([0x30, 13, 2, 1, 2, 0x61, 8, 10, 1, 0, 4, 0, 4, 1]);
      const url = await listen((socket) => {
        socket.once('data', () => socket.write(Buffer.concat([startTlsAnswer(0), slipped])));
      });
      expect(await expectUnavailable(people.adapter({ urls: [url], startTls: 'required' }))).to.include(
        'in the clear',
      );
    });

    it('do not wait for a handshake without end', async () => {
      const url = await listen((socket) => {
        socket.once('data', () => socket.write(startTlsAnswer(0)));
      });
      const limits = { timeout: 400, connectTimeout: 200 };
      await expectUnavailable(people.adapter({ urls: [url], startTls: 'required', ...limits }));
      const silent = url.replace('ldap:', 'ldaps:');
      await expectUnavailable(people.adapter({ urls: [silent], ...limits }));
    });
  });

  describe('that are in trouble', () => {
    it('are opened again when the server comes back', async () => {
      const adapter = people.adapter();
      await expectGood(adapter);
      await server.stop();
      await expectUnavailable(adapter);
      await server.restart();
      await expectGood(adapter);
      await server.stop('SIGKILL');
      await server.restart();
      await expectGood(adapter);
    });

    it('are opened once for all who wait for them', async () => {
      proxy = await TcpProxy.start(server.port, 'bytes');
      const adapter = people.adapter({ urls: [`ldap://127.0.0.1:${proxy.port}`] });
      const found = await Promise.all(Array.from({ length: 50 }, () => adapter.findBySub(sub)));
      expect(found.every((account) => account?.login === 'ann')).to.equal(true);
      expect(proxy.connections).to.equal(1);
      await proxy.partition('refuse');
      await proxy.heal();
      const again = await Promise.all(Array.from({ length: 50 }, () => adapter.findBySub(sub)));
      expect(again.every((account) => account?.login === 'ann')).to.equal(true);
      expect(proxy.connections).to.equal(1);
    });

    it('are given up when the server says nothing, in time, and work again afterwards', async () => {
      proxy = await TcpProxy.start(server.port, 'bytes');
      const adapter = people.adapter({
        urls: [`ldap://127.0.0.1:${proxy.port}`],
        timeout: 1500,
        connectTimeout: 1000,
      });
      await eventually('it works', () => adapter.findBySub(sub).then(Boolean, () => false));
      await proxy.partition('mute');
      const began = performance.now();
      await expectUnavailable(adapter);
      expect(performance.now() - began).to.be.below(20_000);
      await proxy.heal();
      await eventually('people are found again', () =>
        adapter.findBySub(sub).then(
          (account) => account?.login === 'ann',
          () => false,
        ),
      );
      await eventually('passwords are judged again', async () => {
        const { outcome } = await adapter.verifyPassword('ann', PASSWORD);
        return outcome === 'verified';
      });
    });

    it('go to another server while one cannot be reached', async () => {
      const nobody = `ldap://127.0.0.1:${await freePort()}`;
      const silent = await listen(() => {});
      await expectGood(people.adapter({ urls: [nobody, server.url] }));
      await expectGood(
        people.adapter({ urls: [silent.replace('ldap:', 'ldaps:'), server.url], connectTimeout: 1500 }),
      );
      proxy = await TcpProxy.start(server.port, 'bytes');
      const adapter = people.adapter({ urls: [`ldap://127.0.0.1:${proxy.port}`, server.url] });
      await expectGood(adapter);
      await proxy.partition('refuse');
      await expectGood(adapter);
      await proxy.heal();
    });

    it('that the directory refuses are not a person’s wrong password', async () => {
      for (const settings of [
        { bindPassword: 'another one' },
        { bindDn: 'cn=nobody,dc=example,dc=com' },
        { bindDn: 'no name at all' },
        { baseDn: 'ou=elsewhere,dc=example,dc=com' },
      ]) {
        await expectUnavailable(people.adapter(settings));
      }
    });

    it('that come to nothing because of what is answered are unavailable as well', async () => {
      const answers = [
        Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
        Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        Buffer.alloc(64),
      ];
      for (const answer of answers) {
        const url = await listen((socket) => socket.once('data', () => socket.end(answer)));
        await expectUnavailable(people.adapter({ urls: [url], timeout: 500 }));
        listener?.close();
      }
    });
  });

  it('take as long for nobody as for a wrong password, whatever the directory’s hash costs', async () => {
    const slow = await hash(PASSWORD, { memoryCost: 8192, timeCost: 2, parallelism: 1 });
    await people.add('slow', {}, `{ARGON2}${slow}`);
    const adapter = people.adapter();
    expect(await adapter.verifyPassword('slow', PASSWORD)).to.have.property('outcome', 'verified');
    for (let index = 0; index < 5; index += 1) await adapter.verifyPassword('slow', 'a guess');
    const planted = await compareTimes(
      () => adapter.verifyPassword('slow', 'a guess'),
      () => adapter.findByLogin('nobody'),
      20,
    );
    expect(planted.above, JSON.stringify(planted)).to.be.above(0.9);
    const { above, medians } = await compareTimes(
      () => adapter.verifyPassword('slow', 'a guess'),
      () => adapter.verifyPassword('nobody', 'a guess'),
      60,
    );
    expect(above, JSON.stringify(medians)).to.be.within(0.2, 0.8);
  });

  it('take as long for nobody as for somebody whose groups are looked for', async () => {
    const name = `member-${randomUUID().slice(0, 8)}`;
    let { dn } = await people.add(name);
    for (let depth = 0; depth < 15; depth += 1) dn = await people.addGroup(`${name}-${depth}`, [dn]);
    const adapter = people.adapter({ groups: { from: 'search', nesting: 'walk' } });
    const member = await adapter.findByLogin(name);
    expect(member?.claims.groups).to.have.length(15);
    const planted = await compareTimes(
      () => adapter.findByLogin(name),
      () => adapter.findByLogin('nobody'),
      20,
    );
    expect(planted.above, JSON.stringify(planted)).to.be.above(0.9);
    for (let index = 0; index < 20; index += 1) await adapter.verifyPassword(name, 'a guess');
    const { above, medians } = await compareTimes(
      () => adapter.verifyPassword(name, 'a guess'),
      () => adapter.verifyPassword('nobody', 'a guess'),
      60,
    );
    expect(above, JSON.stringify(medians)).to.be.within(0.2, 0.8);
  });
});
