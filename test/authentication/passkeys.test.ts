import { type ChildProcess, fork } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RegistrationResponseJSON } from '@simplewebauthn/server';
import { expect } from 'chai';
import { type Configuration, configurationSchema } from '../../config/configuration.ts';
import type { Account } from '../../lib/accounts/account-adapter.ts';
import { CHALLENGE_SECONDS } from '../../lib/authentication/passkeys/passkey-challenges.ts';
import {
  createPasskeyRegistration,
  type PasskeyHolder,
  type PasskeyRegistration,
} from '../../lib/authentication/passkeys/passkey-registration.ts';
import {
  createPasskeySignIn,
  type PasskeySignIn,
} from '../../lib/authentication/passkeys/passkey-sign-in.ts';
import { Passkeys } from '../../lib/authentication/passkeys/passkeys.ts';
import { SecondFactors } from '../../lib/authentication/second-factors/second-factors.ts';
import { SqliteThrottleCounters } from '../../lib/authentication/throttling/sqlite-throttle-counters.ts';
import { readDocument, writeDocument } from '../../lib/cli/directory-document.ts';
import { readDirectory, transferRows } from '../../lib/database/backup/directory-transfer.ts';
import { type Database, onClock } from '../../lib/database/database.ts';
import { createLog } from '../../lib/observability/log.ts';
import { type OpenAccounts, openTemporaryAccounts } from '../accounts/temporary-accounts.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';
import { attestationAuthority } from './attestation-authority.ts';
import type { PasskeyReport } from './passkey-process.ts';
import { type Behaviour, SoftwareAuthenticator } from './software-authenticator.ts';

const ORIGIN = 'https://id.example';
const ADDRESS = '203.0.113.7';
const PROCESS = path.join(import.meta.dirname, 'passkey-process.ts');

/** What a process says next; rejects when it ends instead. */
async function hear(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the process ended with ${code}`);
  });
  const said = once(child, 'message').then(([message]: unknown[]) => message);
  return Promise.race([said, ended]);
}

function configure(settings: object = {}): Configuration {
  return configurationSchema.parse({ issuer: ORIGIN, ...settings });
}

describe('passkeys', function () {
  this.timeout(120_000);
  describeOnEveryStore('kept', (store) => {
    let accounts: Awaited<ReturnType<typeof openTemporaryAccounts>>;
    let counters: SqliteThrottleCounters;
    let database: Database;
    let registration: PasskeyRegistration;
    let signIn: PasskeySignIn;
    let passkeys: Passkeys;
    let time: number;
    let told: [event: string, details: unknown][];
    let people = 0;

    before(async () => {
      accounts = await openTemporaryAccounts(undefined, store);
      counters = new SqliteThrottleCounters(accounts.database);
      for (const event of ['login.failed', 'passkey.copy_suspected', 'login.throttled'] as const) {
        accounts.events.on(event, (details: unknown) => told.push([event, details]));
      }
    });
    after(async () => {
      counters?.close();
      await accounts?.close();
    });
    beforeEach(() => {
      time = Date.now();
      told = [];
      database = onClock(accounts.database, () => time);
      open();
    });

    function open(settings: object = {}): void {
      const configuration = configure({
        throttling: { login: { perAccount: 5, perAddress: 1_000_000 } },
        ...settings,
      });
      const rooms = { ...accounts, accounts: accounts.adapter, database, counters, configuration };
      const log = createLog('silent');
      registration = createPasskeyRegistration({ ...rooms, log }) as PasskeyRegistration;
      signIn = createPasskeySignIn({ ...rooms, log }) as PasskeySignIn;
      passkeys = new Passkeys(database);
    }

    async function newHolder(): Promise<PasskeyHolder> {
      people += 1;
      const created = await (accounts as OpenAccounts).directory.create({
        login: `person${people}@example.com`,
        claims: { name: 'Ada Lovelace' },
      });
      if (created.outcome !== 'created') throw new Error(created.description);
      return { account: created.account as Account, sessionUid: `session-${people}` };
    }

    async function make(holder: PasskeyHolder, behaviour: Behaviour = {}, name = 'Phone') {
      const authenticator = new SoftwareAuthenticator({ origin: ORIGIN, ...behaviour });
      const answer = authenticator.make(await registration.options(holder));
      const result = await registration.register(holder, { credential: JSON.stringify(answer), name });
      return { authenticator, result, answer };
    }

    async function holderWith(behaviour: Behaviour = {}) {
      const holder = await newHolder();
      const { authenticator, result } = await make(holder, behaviour);
      expect(result.outcome).to.equal('registered');
      return { ...holder, authenticator };
    }

    const remove = async (sub: string, id: string, keepsLast = false) =>
      (await passkeys.remove(sub, id, { keepsLast })).outcome;

    const attempt = (answer: object, uid = 'interaction', address = ADDRESS) =>
      signIn.attempt({ uid, credential: JSON.stringify(answer), address });

    it('are registered, sign in, and tell when they were used', async () => {
      const { account, authenticator } = await holderWith({ backupEligible: true, backedUp: true });
      const [kept] = await passkeys.listOf(account.sub);
      expect(kept).to.deep.include({
        name: 'Phone',
        transports: ['internal', 'hybrid'],
        backupEligible: true,
        backedUp: true,
        attested: false,
        lastUsedAt: undefined,
      });
      time += 5000;
      const result = await attempt(authenticator.get(signIn.options('interaction')));
      expect(result).to.deep.include({ outcome: 'authenticated', methods: ['swk', 'user', 'mfa'] });
      expect(result).to.have.nested.property('account.sub', account.sub);
      expect((await passkeys.listOf(account.sub))[0]).to.include({ lastUsedAt: time, counter: 1 });
      expect(told).to.deep.equal([]);
    });

    it('are asked for as discoverable ones that check who it is, and nothing is told of the person but what they call themselves', async () => {
      const holder = await newHolder();
      const options = await registration.options(holder);
      expect(options.authenticatorSelection).to.deep.equal({
        residentKey: 'required',
        requireResidentKey: true,
        userVerification: 'required',
      });
      expect(options.rp).to.deep.equal({ id: 'id.example', name: 'Latchkey' });
      expect(options.user.id).to.match(/^[\w-]{43}$/);
      expect(JSON.stringify(options)).not.to.contain(holder.account.sub);
      expect((await registration.options(holder)).user.id, 'the same in every tab').to.equal(options.user.id);
      expect(signIn.options('interaction')).to.have.all.keys(
        'challenge',
        'rpId',
        'timeout',
        'userVerification',
      );
    });

    it('are several for each person, and are not made twice in one authenticator', async () => {
      const holder = await newHolder();
      const { authenticator, answer } = await make(holder);
      time += 1;
      await make(holder, {}, ' Key\n\u0007of\tthe office '.padEnd(200, 'x'));
      expect((await passkeys.listOf(holder.account.sub)).map(({ name }) => name.slice(0, 17))).to.deep.equal([
        'Phone',
        'Key of the office',
      ]);
      const options = await registration.options(holder);
      expect(options.excludeCredentials?.map(({ id }) => id))
        .to.include(answer.id)
        .and.have.length(2);
      const again = authenticator.make(options);
      expect(
        await registration.register(holder, { credential: JSON.stringify(again), name: '' }),
      ).to.deep.equal({ outcome: 'refused', reason: 'known' });
    });

    it('are called by the model when they have no name', async () => {
      const holder = await newHolder();
      const { result } = await make(holder, { aaguid: 'fbfc3007-154e-4ecc-8c0b-6e020557d7bd' }, ' ');
      expect(result).to.include({ outcome: 'registered', name: 'iCloud Keychain' });
    });

    it('are no more than twenty-five', async () => {
      const holder = await newHolder();
      for (let index = 0; index < 25; index += 1) {
        expect((await make(holder)).result.outcome).to.equal('registered');
      }
      expect((await make(holder)).result).to.include({ outcome: 'refused', reason: 'too_many' });
    });

    it('are renamed and removed by their owner alone', async () => {
      const { account, authenticator } = await holderWith();
      const id = authenticator.id.toString('base64url');
      const other = await newHolder();
      expect(await passkeys.rename(other.account.sub, id, 'Mine')).to.equal(false);
      expect(await passkeys.rename(account.sub, '\0', 'Mine')).to.equal(false);
      expect(await remove(other.account.sub, id)).to.equal('not_found');
      expect(await passkeys.rename(account.sub, id, ' Old phone ')).to.equal(true);
      expect(await passkeys.rename(account.sub, id, ' ')).to.equal(true);
      expect((await passkeys.find(id))?.name).to.equal('Old phone');
      expect(await remove(account.sub, id)).to.equal('removed');
      expect(await remove(account.sub, id)).to.equal('not_found');
      expect(await attempt(authenticator.get(signIn.options('interaction')))).to.deep.equal({
        outcome: 'refused',
        reason: 'unknown',
        id,
      });
    });

    it('leave whoever has no password the last one, also when two are removed at once', async () => {
      const holder = await newHolder();
      const { sub } = holder.account;
      await make(holder);
      await make(holder);
      const ids = (await passkeys.listOf(sub)).map(({ id }) => id);
      const outcomes = await Promise.all(ids.map((id) => remove(sub, id, true)));
      expect(outcomes.sort()).to.deep.equal(['last', 'removed']);
      expect(await passkeys.listOf(sub)).to.have.length(1);
    });

    it('move with the directory, those that are not there yet', async () => {
      const { account, authenticator } = await holderWith();
      const rows = await readDirectory(accounts.database);
      const { document } = writeDocument(rows, { issuer: ORIGIN, now: time });
      const other = await openTemporaryAccounts();
      try {
        const { sealer } = other.database;
        const read = readDocument(JSON.parse(JSON.stringify(document)), {
          sealer,
          configuration: configure(),
        });
        if (read.outcome !== 'read') throw new Error(read.description);
        const transfer = () =>
          transferRows(other.database, read.rows, { keepExisting: false, pretend: false });
        expect(await transfer()).to.include({ outcome: 'transferred', passkeys: rows.passkeys.length });
        expect(await transfer()).to.include({ outcome: 'transferred', passkeys: 0 });
        const id = authenticator.id.toString('base64url');
        expect(await new Passkeys(other.database).find(id)).to.deep.equal(await passkeys.find(id));
        expect(await new Passkeys(other.database).listOf(account.sub)).to.have.length(1);
      } finally {
        await other.close();
      }
    });

    it('are all taken off by an operator, and the recovery codes with the last of them', async () => {
      const holder = await holderWith();
      await make(holder, {}, 'Laptop');
      const { sub } = holder.account;
      const factors = new SecondFactors({ database, configuration: configure({}) });
      await factors.renewRecoveryCodes(sub);
      // What a form brings that no store can hold is none of theirs.
      await factors.devices.forget(sub, '\0');
      expect(await factors.removePasskeys(sub)).to.equal(true);
      expect(await factors.of(holder.account)).to.include({ passkeys: 0, recoveryCodes: 0 });
      expect(await factors.removePasskeys(sub)).to.equal(false);
    });

    it('go with the person', async () => {
      const { account, authenticator } = await holderWith();
      await (accounts as OpenAccounts).directory.delete(account.sub);
      expect(await passkeys.listOf(account.sub)).to.deep.equal([]);
      expect(await attempt(authenticator.get(signIn.options('interaction')))).to.include({
        reason: 'unknown',
      });
    });

    it('of somebody who is disabled do not sign in, and do again later', async () => {
      const { account, authenticator } = await holderWith();
      const { directory } = accounts as OpenAccounts;
      await directory.disable(account.sub);
      expect(await attempt(authenticator.get(signIn.options('interaction')))).to.deep.equal({
        outcome: 'refused',
        reason: 'refused',
      });
      expect(told).to.deep.equal([['login.failed', { reason: 'passkey_disabled', address: ADDRESS }]]);
      await directory.enable(account.sub);
      expect(await attempt(authenticator.get(signIn.options('interaction')))).to.include({
        outcome: 'authenticated',
      });
    });

    const wrong: Record<string, { behaviour: Behaviour; reason: string }> = {
      'another origin': { behaviour: { origin: 'https://id.example.evil' }, reason: 'refused' },
      'another port of the origin': { behaviour: { origin: 'https://id.example:8443' }, reason: 'refused' },
      'a subdomain': { behaviour: { origin: 'https://www.id.example' }, reason: 'refused' },
      'another RP ID': { behaviour: { rpId: 'example' }, reason: 'refused' },
      'nobody there': { behaviour: { present: false }, reason: 'refused' },
      'nobody verified': { behaviour: { verified: false }, reason: 'unverified' },
      'another handle': { behaviour: { userHandle: 'AAAA' }, reason: 'refused' },
      'no handle': { behaviour: { userHandle: undefined }, reason: 'refused' },
      'a registration’s answer': { behaviour: { type: 'webauthn.create' }, reason: 'refused' },
    };
    for (const [what, { behaviour, reason }] of Object.entries(wrong)) {
      it(`are refused with ${what}`, async () => {
        const { authenticator } = await holderWith();
        const answer = authenticator.get(signIn.options('interaction'), behaviour);
        const result = await attempt(answer);
        // The type is looked at before the challenge.
        const expected = what.includes('registration') ? 'expired' : reason;
        expect(result).to.include({ outcome: 'refused', reason: expected });
        expect(told.map(([event]) => event)).to.deep.equal(['login.failed']);
      });
    }

    it('are refused with a changed signature, another’s key, or what is no answer at all', async () => {
      open({ throttling: { login: { perAccount: 1000, perAddress: 1_000_000 } } });
      const { authenticator } = await holderWith();
      const stranger = await holderWith();
      const answer = authenticator.get(signIn.options('interaction'));
      const forged = stranger.authenticator.get(signIn.options('interaction'));
      for (const response of [
        { ...answer.response, signature: `A${answer.response.signature.slice(1)}` },
        { ...answer.response, signature: forged.response.signature },
        { ...answer.response, authenticatorData: forged.response.clientDataJSON },
        {},
      ]) {
        expect((await attempt({ ...answer, response }, 'interaction', '198.51.100.9')).outcome).to.equal(
          'refused',
        );
      }
      for (const credential of ['', 'null', '[]', '{"id":5}', '{"id":"x"}', '{"id":"a b","response":{}}']) {
        expect(await signIn.attempt({ uid: 'interaction', credential, address: ADDRESS })).to.include({
          outcome: 'refused',
        });
      }
    });

    describe('answer a challenge', () => {
      it('once, also at the same moment and in several processes', async () => {
        const { authenticator } = await holderWith({ counter: 0 });
        const answer = authenticator.get(signIn.options('interaction'));
        open({ throttling: { login: { perAccount: 1000, perAddress: 1_000_000 } } });
        const children: ChildProcess[] = [];
        try {
          for (let index = 0; index < 3; index += 1) {
            const execArgv = ['--disable-warning=ExperimentalWarning'];
            children.push(fork(PROCESS, [JSON.stringify(accounts.options), ORIGIN], { execArgv }));
          }
          await Promise.all(children.map(hear));
          const reports = Promise.all(children.map(async (child) => (await hear(child)) as PasskeyReport));
          for (const child of children)
            child.send({ uid: 'interaction', credential: JSON.stringify(answer) });
          const outcomes = (await reports).flat();
          expect(outcomes.filter((outcome) => outcome === 'authenticated')).to.have.length(1);
          expect(outcomes.filter((outcome) => outcome === 'expired')).to.have.length(outcomes.length - 1);
        } finally {
          await Promise.all(
            children.map(async (child) => {
              if (child.exitCode !== null) return;
              child.disconnect();
              await once(child, 'exit');
            }),
          );
        }
        expect(await attempt(answer)).to.include({ reason: 'expired' });
      });

      it('of their own interaction and purpose alone, and in time', async () => {
        const { account, authenticator } = await holderWith();
        expect(await attempt(authenticator.get(signIn.options('another')))).to.include({ reason: 'expired' });
        const asked = await signIn.optionsFor('interaction', account.sub);
        if (asked === undefined) throw new Error('there is a passkey');
        expect(await attempt(authenticator.get(asked)), 'a second factor’s').to.include({
          reason: 'expired',
        });
        const made = { ...signIn.options('interaction'), challenge: 'AAAA'.repeat(24) };
        expect(await attempt(authenticator.get(made)), 'not ours').to.include({ reason: 'expired' });
        const late = authenticator.get(signIn.options('interaction'));
        time += CHALLENGE_SECONDS * 1000 - 1;
        const lastMoment = signIn.options('interaction');
        time += 1;
        expect(await attempt(late), 'late').to.include({ reason: 'expired' });
        time += CHALLENGE_SECONDS * 1000 - 2;
        expect(await attempt(authenticator.get(lastMoment))).to.include({ outcome: 'authenticated' });
        time += CHALLENGE_SECONDS * 1000;
        await attempt(authenticator.get(signIn.options('interaction')));
        const rows = await database.query.selectFrom('answered_challenges').select('expires_at').execute();
        expect(rows.map((row) => Number(row.expires_at) > time)).to.deep.equal([true]);
      });

      it('of their own session, when they are made', async () => {
        const holder = await newHolder();
        const other = await newHolder();
        const authenticator = new SoftwareAuthenticator({ origin: ORIGIN });
        const answer = authenticator.make(await registration.options(holder));
        const register = (by: PasskeyHolder, given: RegistrationResponseJSON = answer) =>
          registration.register(by, { credential: JSON.stringify(given), name: '' });
        expect(await register(other)).to.include({ reason: 'expired' });
        expect(await register({ ...holder, sessionUid: 'later' })).to.include({ reason: 'expired' });
        expect(await register(holder)).to.include({ outcome: 'registered' });
        await remove(holder.account.sub, answer.id);
        expect(await register(holder), 'again').to.include({ reason: 'expired' });
      });
    });

    describe('whose counter does not grow', () => {
      it('are refused, and the warning is kept; the one that is ahead goes on', async () => {
        const { account, authenticator } = await holderWith();
        const copy = authenticator.copy();
        await attempt(authenticator.get(signIn.options('interaction')));
        await attempt(authenticator.get(signIn.options('interaction')));
        told.length = 0;
        const result = await attempt(copy.get(signIn.options('interaction')));
        expect(result).to.deep.include({ outcome: 'refused', reason: 'copied' });
        expect(result).to.have.nested.property('suspected.sub', account.sub);
        expect(told).to.deep.include([
          'passkey.copy_suspected',
          { accountId: account.sub, passkey: 'Phone' },
        ]);
        expect((await passkeys.listOf(account.sub))[0]).to.include({ copySuspectedAt: time, counter: 2 });
        expect(await attempt(authenticator.get(signIn.options('interaction')))).to.include({
          outcome: 'authenticated',
        });
      });

      it('are let in with a warning, where the operator says so', async () => {
        open({ passkeys: { suspectedCopies: 'warn' } });
        const { account, authenticator } = await holderWith();
        const copy = authenticator.copy();
        await attempt(authenticator.get(signIn.options('interaction')));
        const result = await attempt(copy.get(signIn.options('interaction')));
        expect(result).to.include({ outcome: 'authenticated' });
        expect(result).to.have.nested.property('suspected.sub', account.sub);
      });

      it('are no matter when they have none', async () => {
        const { authenticator } = await holderWith({ counter: 0 });
        for (let round = 0; round < 3; round += 1) {
          expect(await attempt(authenticator.get(signIn.options('interaction')))).to.include({
            outcome: 'authenticated',
          });
        }
      });
    });

    describe('as a further proof', () => {
      const confirm = (sub: string, answer: object) =>
        signIn.confirm(sub, { uid: 'interaction', credential: JSON.stringify(answer), address: ADDRESS });

      it('need not check who it is, and then count as a thing that one has', async () => {
        const { account, authenticator } = await holderWith();
        const options = await signIn.optionsFor('interaction', account.sub);
        if (options === undefined) throw new Error('there is a passkey');
        expect(options.allowCredentials).to.have.length(1);
        const behaviour = { verified: false, userHandle: undefined };
        expect(await confirm(account.sub, authenticator.get(options, behaviour))).to.deep.include({
          outcome: 'authenticated',
          methods: ['pop', 'user'],
        });
      });

      it('are this person’s', async () => {
        const { account } = await holderWith();
        const other = await holderWith();
        const options = await signIn.optionsFor('interaction', account.sub);
        if (options === undefined) throw new Error('there is a passkey');
        expect(await confirm(account.sub, other.authenticator.get(options))).to.include({
          reason: 'refused',
        });
        expect(await signIn.optionsFor('interaction', (await newHolder()).account.sub)).to.equal(undefined);
      });
    });

    it('are throttled by address and passkey, as passwords are', async () => {
      const { authenticator } = await holderWith();
      const fail = () => attempt(authenticator.get(signIn.options('elsewhere')), 'interaction', '192.0.2.44');
      for (let round = 0; round < 5; round += 1) expect(await fail()).to.include({ outcome: 'refused' });
      expect(await fail()).to.include({ outcome: 'throttled' });
      expect(
        await attempt(authenticator.get(signIn.options('interaction'))),
        'the owner elsewhere',
      ).to.include({ outcome: 'authenticated' });
    });

    describe('whose maker must vouch for the authenticator', () => {
      const MODEL = '12345678-1234-1234-1234-123456789abc';
      const vouched = {
        certificates: [new X509Certificate(attestationAuthority.certificate).raw],
        key: createPrivateKey(attestationAuthority.key),
      };

      beforeEach(() => {
        const file = path.join(accounts.dataDir, 'roots.pem');
        writeFileSync(file, attestationAuthority.root);
        open({
          passkeys: {
            attestation: 'required',
            attestationRootsFile: file,
            allowedAaguids: [MODEL.toUpperCase()],
          },
        });
      });

      it('are taken, and count as kept in hardware', async () => {
        const { account, authenticator } = await holderWith({ attestation: vouched, aaguid: MODEL });
        expect((await passkeys.listOf(account.sub))[0]).to.include({ attested: true, aaguid: MODEL });
        expect(await attempt(authenticator.get(signIn.options('interaction')))).to.deep.include({
          methods: ['hwk', 'user', 'mfa'],
        });
      });

      it('are refused from another model, without a maker, or from a maker nobody knows', async () => {
        const holder = await newHolder();
        expect((await registration.options(holder)).attestation).to.equal('direct');
        const own = new SoftwareAuthenticator({ origin: ORIGIN });
        const results = [
          await make(holder, { attestation: vouched, aaguid: MODEL.replace('abc', 'abd') }),
          await make(holder, { aaguid: MODEL }),
          await make(holder, { attestation: 'self', aaguid: MODEL }),
        ].map(({ result }) => result.outcome === 'refused' && result.reason);
        expect(results).to.deep.equal(['not_allowed', 'not_allowed', 'not_allowed']);
        expect(own.userHandle).to.equal('');
        const unknown = { ...vouched, key: createPrivateKey(attestationAuthority.strangerKey) };
        unknown.certificates = [new X509Certificate(attestationAuthority.strangerCertificate).raw];
        const { result } = await make(holder, { attestation: unknown, aaguid: MODEL });
        expect(result).to.include({ outcome: 'refused', reason: 'invalid' });
      });
    });

    it('without that, what vouches is not even looked at', async () => {
      const holder = await newHolder();
      const attestation = {
        certificates: [Buffer.from('no certificate')],
        key: createPrivateKey(attestationAuthority.key),
      };
      expect((await make(holder, { attestation })).result).to.include({ outcome: 'registered' });
    });

    for (const behaviour of [
      { verified: false },
      { origin: 'https://evil.example' },
      { rpId: 'evil.example' },
    ]) {
      it(`are not made with ${JSON.stringify(behaviour)}`, async () => {
        const { result } = await make(await newHolder(), behaviour);
        expect(result).to.include({
          outcome: 'refused',
          reason: 'verified' in behaviour ? 'unverified' : 'invalid',
        });
      });
    }
  });

  it('are not offered where the issuer is an address, or where they are off', () => {
    const without = [
      { issuer: 'http://127.0.0.1:3000' },
      { issuer: 'http://[::1]:3000' },
      { passkeys: { enabled: false } },
    ];
    for (const settings of without) {
      const configuration = configure(settings);
      expect(
        createPasskeyRegistration({ configuration, database: {} as Database, log: createLog('silent') }),
      ).to.equal(undefined);
    }
  });
});
