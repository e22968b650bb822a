import { createPrivateKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RegistrationResponseJSON } from '@simplewebauthn/server';
import { expect } from 'chai';
import { CHALLENGE_SECONDS } from '../../lib/authentication/passkeys/passkey-challenges.ts';
import {
  createPasskeyRegistration,
  type PasskeyHolder,
} from '../../lib/authentication/passkeys/passkey-registration.ts';
import type { Database } from '../../lib/database/database.ts';
import { createLog } from '../../lib/observability/log.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';
import { raceProcesses } from '../processes/race-processes.ts';
import { attestationAuthority } from './attestation-authority.ts';
import { ADDRESS, configure, ORIGIN, PasskeyBench } from './passkey-bench.ts';
import type { PasskeyReport } from './passkey-process.ts';
import { type Behaviour, SoftwareAuthenticator } from './software-authenticator.ts';

const PROCESS = path.join(import.meta.dirname, 'passkey-process.ts');

describe('passkeys', function () {
  this.timeout(120_000);
  describeOnEveryStore('kept', (store) => {
    let bench: PasskeyBench;

    before(async () => {
      bench = await PasskeyBench.open(store);
    });
    after(() => bench?.close());
    beforeEach(() => bench.begin());

    it('are registered, sign in, and tell when they were used', async () => {
      const { account, authenticator } = await bench.holderWith({ backupEligible: true, backedUp: true });
      const [kept] = await bench.passkeys.listOf(account.sub);
      expect(kept).to.deep.include({
        name: 'Phone',
        transports: ['internal', 'hybrid'],
        backupEligible: true,
        backedUp: true,
        attested: false,
        lastUsedAt: undefined,
      });
      bench.time += 5000;
      const result = await bench.signInWith(authenticator);
      expect(result).to.deep.include({ outcome: 'authenticated', methods: ['swk', 'user', 'mfa'] });
      expect(result).to.have.nested.property('account.sub', account.sub);
      expect((await bench.passkeys.listOf(account.sub))[0]).to.include({
        lastUsedAt: bench.time,
        counter: 1,
      });
      expect(bench.told).to.deep.equal([]);
    });

    it('are asked for as discoverable ones that check who it is, and nothing is told of the person but what they call themselves', async () => {
      const holder = await bench.newHolder();
      const options = await bench.registration.options(holder);
      expect(options.authenticatorSelection).to.deep.equal({
        residentKey: 'required',
        requireResidentKey: true,
        userVerification: 'required',
      });
      expect(options.rp).to.deep.equal({ id: 'id.example', name: 'Latchkey' });
      expect(options.user.id).to.match(/^[\w-]{43}$/);
      expect(JSON.stringify(options)).not.to.contain(holder.account.sub);
      expect((await bench.registration.options(holder)).user.id, 'the same in every tab').to.equal(
        options.user.id,
      );
      expect(bench.signIn.options('interaction')).to.have.all.keys(
        'challenge',
        'rpId',
        'timeout',
        'userVerification',
      );
    });

    it('of somebody who is disabled do not sign in, and do again later', async () => {
      const { account, authenticator } = await bench.holderWith();
      const { directory } = bench.accounts;
      await directory.disable(account.sub);
      expect(await bench.signInWith(authenticator)).to.deep.equal({
        outcome: 'refused',
        reason: 'refused',
      });
      expect(bench.told).to.deep.equal([['login.failed', { reason: 'passkey_disabled', address: ADDRESS }]]);
      await directory.enable(account.sub);
      expect(await bench.signInWith(authenticator)).to.include({
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
        const { authenticator } = await bench.holderWith();
        const answer = authenticator.get(bench.signIn.options('interaction'), behaviour);
        const result = await bench.attempt(answer);
        // The type is looked at before the challenge.
        const expected = what.includes('registration') ? 'expired' : reason;
        expect(result).to.include({ outcome: 'refused', reason: expected });
        expect(bench.told.map(([event]) => event)).to.deep.equal(['login.failed']);
      });
    }

    it('are refused with a changed signature, another’s key, or what is no answer at all', async () => {
      bench.configure({ throttling: { login: { perAccount: 1000, perAddress: 1_000_000 } } });
      const { authenticator } = await bench.holderWith();
      const stranger = await bench.holderWith();
      const answer = authenticator.get(bench.signIn.options('interaction'));
      const forged = stranger.authenticator.get(bench.signIn.options('interaction'));
      for (const response of [
        { ...answer.response, signature: `A${answer.response.signature.slice(1)}` },
        { ...answer.response, signature: forged.response.signature },
        { ...answer.response, authenticatorData: forged.response.clientDataJSON },
        {},
      ]) {
        expect(
          (await bench.attempt({ ...answer, response }, 'interaction', '198.51.100.9')).outcome,
        ).to.equal('refused');
      }
      for (const credential of ['', 'null', '[]', '{"id":5}', '{"id":"x"}', '{"id":"a b","response":{}}']) {
        expect(await bench.signIn.attempt({ uid: 'interaction', credential, address: ADDRESS })).to.include({
          outcome: 'refused',
        });
      }
    });

    describe('answer a challenge', () => {
      it('once, also at the same moment and in several processes', async () => {
        const { authenticator } = await bench.holderWith({ counter: 0 });
        const answer = authenticator.get(bench.signIn.options('interaction'));
        bench.configure({ throttling: { login: { perAccount: 1000, perAddress: 1_000_000 } } });
        const reports = await raceProcesses<PasskeyReport>(PROCESS, {
          count: 3,
          words: [JSON.stringify(bench.accounts.options), ORIGIN],
          order: { uid: 'interaction', credential: JSON.stringify(answer) },
        });
        const outcomes = reports.flat();
        expect(outcomes.filter((outcome) => outcome === 'authenticated')).to.have.length(1);
        expect(outcomes.filter((outcome) => outcome === 'expired')).to.have.length(outcomes.length - 1);
        expect(await bench.attempt(answer)).to.include({ reason: 'expired' });
      });

      it('of their own interaction and purpose alone, and in time', async () => {
        const { account, authenticator } = await bench.holderWith();
        expect(await bench.attempt(authenticator.get(bench.signIn.options('another')))).to.include({
          reason: 'expired',
        });
        const asked = await bench.signIn.optionsFor('interaction', account.sub);
        if (asked === undefined) throw new Error('there is a passkey');
        expect(await bench.attempt(authenticator.get(asked)), 'a second factor’s').to.include({
          reason: 'expired',
        });
        const made = { ...bench.signIn.options('interaction'), challenge: 'AAAA'.repeat(24) };
        expect(await bench.attempt(authenticator.get(made)), 'not ours').to.include({ reason: 'expired' });
        const late = authenticator.get(bench.signIn.options('interaction'));
        bench.time += CHALLENGE_SECONDS * 1000 - 1;
        const lastMoment = bench.signIn.options('interaction');
        bench.time += 1;
        expect(await bench.attempt(late), 'late').to.include({ reason: 'expired' });
        bench.time += CHALLENGE_SECONDS * 1000 - 2;
        expect(await bench.attempt(authenticator.get(lastMoment))).to.include({ outcome: 'authenticated' });
        bench.time += CHALLENGE_SECONDS * 1000;
        await bench.signInWith(authenticator);
        const rows = await bench.database.query
          .selectFrom('answered_challenges')
          .select('expires_at')
          .execute();
        expect(rows.map((row) => Number(row.expires_at) > bench.time)).to.deep.equal([true]);
      });

      it('of their own session, when they are made', async () => {
        const holder = await bench.newHolder();
        const other = await bench.newHolder();
        const authenticator = new SoftwareAuthenticator({ origin: ORIGIN });
        const answer = authenticator.make(await bench.registration.options(holder));
        const register = (by: PasskeyHolder, given: RegistrationResponseJSON = answer) =>
          bench.registration.register(by, { credential: JSON.stringify(given), name: '' });
        expect(await register(other)).to.include({ reason: 'expired' });
        expect(await register({ ...holder, sessionUid: 'later' })).to.include({ reason: 'expired' });
        expect(await register(holder)).to.include({ outcome: 'registered' });
        await bench.passkeys.remove(holder.account.sub, answer.id, { keepsLast: false });
        expect(await register(holder), 'again').to.include({ reason: 'expired' });
      });
    });

    describe('whose counter does not grow', () => {
      it('are refused, and the warning is kept; the one that is ahead goes on', async () => {
        const { account, authenticator } = await bench.holderWith();
        const copy = authenticator.copy();
        await bench.signInWith(authenticator);
        await bench.signInWith(authenticator);
        bench.told.length = 0;
        const result = await bench.signInWith(copy);
        expect(result).to.deep.include({ outcome: 'refused', reason: 'copied' });
        expect(result).to.have.nested.property('suspected.sub', account.sub);
        expect(bench.told).to.deep.include([
          'passkey.copy_suspected',
          { accountId: account.sub, passkey: 'Phone' },
        ]);
        expect((await bench.passkeys.listOf(account.sub))[0]).to.include({
          copySuspectedAt: bench.time,
          counter: 2,
        });
        expect(await bench.signInWith(authenticator)).to.include({
          outcome: 'authenticated',
        });
      });

      it('are let in with a warning, where the operator says so', async () => {
        bench.configure({ passkeys: { suspectedCopies: 'warn' } });
        const { account, authenticator } = await bench.holderWith();
        const copy = authenticator.copy();
        await bench.signInWith(authenticator);
        const result = await bench.signInWith(copy);
        expect(result).to.include({ outcome: 'authenticated' });
        expect(result).to.have.nested.property('suspected.sub', account.sub);
      });

      it('are no matter when they have none', async () => {
        const { authenticator } = await bench.holderWith({ counter: 0 });
        for (let round = 0; round < 3; round += 1) {
          expect(await bench.signInWith(authenticator)).to.include({
            outcome: 'authenticated',
          });
        }
      });
    });

    describe('as a further proof', () => {
      const confirm = (sub: string, answer: object) =>
        bench.signIn.confirm(sub, {
          uid: 'interaction',
          credential: JSON.stringify(answer),
          address: ADDRESS,
        });

      it('need not check who it is, and then count as a thing that one has', async () => {
        const { account, authenticator } = await bench.holderWith();
        const options = await bench.signIn.optionsFor('interaction', account.sub);
        if (options === undefined) throw new Error('there is a passkey');
        expect(options.allowCredentials).to.have.length(1);
        const behaviour = { verified: false, userHandle: undefined };
        expect(await confirm(account.sub, authenticator.get(options, behaviour))).to.deep.include({
          outcome: 'authenticated',
          methods: ['pop', 'user'],
        });
      });

      it('are this person’s', async () => {
        const { account } = await bench.holderWith();
        const other = await bench.holderWith();
        const options = await bench.signIn.optionsFor('interaction', account.sub);
        if (options === undefined) throw new Error('there is a passkey');
        expect(await confirm(account.sub, other.authenticator.get(options))).to.include({
          reason: 'refused',
        });
        expect(await bench.signIn.optionsFor('interaction', (await bench.newHolder()).account.sub)).to.equal(
          undefined,
        );
      });
    });

    it('are throttled by address and passkey, as passwords are', async () => {
      const { authenticator } = await bench.holderWith();
      const fail = () =>
        bench.attempt(authenticator.get(bench.signIn.options('elsewhere')), 'interaction', '192.0.2.44');
      for (let round = 0; round < 5; round += 1) expect(await fail()).to.include({ outcome: 'refused' });
      expect(await fail()).to.include({ outcome: 'throttled' });
      expect(await bench.signInWith(authenticator), 'the owner elsewhere').to.include({
        outcome: 'authenticated',
      });
    });

    describe('whose maker must vouch for the authenticator', () => {
      const MODEL = '12345678-1234-1234-1234-123456789abc';
      const vouched = {
        certificates: [new X509Certificate(attestationAuthority.certificate).raw],
        key: createPrivateKey(attestationAuthority.key),
      };

      beforeEach(() => {
        const file = path.join(bench.accounts.dataDir, 'roots.pem');
        writeFileSync(file, attestationAuthority.root);
        bench.configure({
          passkeys: {
            attestation: 'required',
            attestationRootsFile: file,
            allowedAaguids: [MODEL.toUpperCase()],
          },
        });
      });

      it('are taken, and count as kept in hardware', async () => {
        const { account, authenticator } = await bench.holderWith({ attestation: vouched, aaguid: MODEL });
        expect((await bench.passkeys.listOf(account.sub))[0]).to.include({ attested: true, aaguid: MODEL });
        expect(await bench.signInWith(authenticator)).to.deep.include({
          methods: ['hwk', 'user', 'mfa'],
        });
      });

      it('are refused from another model, without a maker, or from a maker nobody knows', async () => {
        const holder = await bench.newHolder();
        expect((await bench.registration.options(holder)).attestation).to.equal('direct');
        const results = [
          await bench.make(holder, { attestation: vouched, aaguid: MODEL.replace('abc', 'abd') }),
          await bench.make(holder, { aaguid: MODEL }),
          await bench.make(holder, { attestation: 'self', aaguid: MODEL }),
        ].map(({ result }) => result.outcome === 'refused' && result.reason);
        expect(results).to.deep.equal(['not_allowed', 'not_allowed', 'not_allowed']);
        const unknown = { ...vouched, key: createPrivateKey(attestationAuthority.strangerKey) };
        unknown.certificates = [new X509Certificate(attestationAuthority.strangerCertificate).raw];
        const { result } = await bench.make(holder, { attestation: unknown, aaguid: MODEL });
        expect(result).to.include({ outcome: 'refused', reason: 'invalid' });
      });
    });

    it('without that, what vouches is not even looked at', async () => {
      const holder = await bench.newHolder();
      const attestation = {
        certificates: [Buffer.from('no certificate')],
        key: createPrivateKey(attestationAuthority.key),
      };
      expect((await bench.make(holder, { attestation })).result).to.include({ outcome: 'registered' });
    });

    for (const behaviour of [
      { verified: false },
      { origin: 'https://evil.example' },
      { rpId: 'evil.example' },
    ]) {
      it(`are not made with ${JSON.stringify(behaviour)}`, async () => {
        const { result } = await bench.make(await bench.newHolder(), behaviour);
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
