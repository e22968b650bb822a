import { expect } from 'chai';
import { recordKey } from '../../lib/grants/record-key.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { apart, find, inRequest, perform, type RequestOutcome, save } from './engine-requests.ts';
import type { MakePlace, OpenPlace, Place } from './storage-place.ts';

const BOUND = { grantId: 'grant', accountId: 'ada', clientId: 'app' };

/** Promise 3: revocation is final; nothing issued, or in flight, comes back. */
export function describeRevocation(makePlace: MakePlace): void {
  describe('revocation', () => {
    let place: Place;
    let here: OpenPlace;

    beforeEach(async () => {
      place = await makePlace();
      here = await place.open();
      await save(here.grants, 'Grant', 'grant', {
        accountId: 'ada',
        clientId: 'app',
        openid: { scope: 'openid' },
      });
      await save(here.grants, 'Session', 'session', { uid: 'uid', accountId: 'ada' });
      await save(here.grants, 'AuthorizationCode', 'code', BOUND);
      await save(here.grants, 'RefreshToken', 'refresh', BOUND);
      await save(here.grants, 'AccessToken', 'access', BOUND);
    });

    afterEach(async () => {
      await here.close();
      await place.remove();
    });

    const tokens = () =>
      Promise.all([
        find(here.grants, 'AuthorizationCode', 'code'),
        find(here.grants, 'RefreshToken', 'refresh'),
        find(here.grants, 'AccessToken', 'access'),
      ]);

    const ENDINGS: Record<
      string,
      { end: () => Promise<unknown>; grantLives: boolean; sessionLives: boolean }
    > = {
      'revoking the tokens of a grant': {
        end: () => here.grants.storageFor('AccessToken').revokeByGrantId('grant'),
        grantLives: true,
        sessionLives: true,
      },
      revokeGrant: { end: () => here.grants.revokeGrant('grant'), grantLives: false, sessionLives: true },
      endClient: { end: () => here.grants.endClient('app'), grantLives: false, sessionLives: true },
      'endAccount with the consent': {
        end: () => here.grants.endAccount('ada', { consent: true }),
        grantLives: false,
        sessionLives: false,
      },
      'endAccount without the consent': {
        end: () => here.grants.endAccount('ada', { consent: false }),
        grantLives: true,
        sessionLives: false,
      },
    };

    for (const [name, { end, grantLives, sessionLives }] of Object.entries(ENDINGS)) {
      it(`${name}: ends every token, for those in flight and after a restart as well`, async () => {
        const inFlight: RequestOutcome[] = [];
        for (const request of [
          { kind: 'exchange-code', code: 'code', accessToken: 'late-1', refreshToken: 'late-2' },
          { kind: 'refresh', refreshToken: 'refresh', accessToken: 'late-3' },
        ] as const) {
          const outcome = await perform(here.grants, request, async () => {
            if (inFlight.length === 0) await apart(here.grants, end);
          });
          inFlight.push(outcome);
        }
        expect(inFlight[0]).to.include({ result: 'refused', reason: 'grant_revoked' });
        expect(inFlight[1]).to.include({ result: 'not_found' });
        const expectEnded = async () => {
          expect(await tokens()).to.deep.equal([undefined, undefined, undefined]);
          for (const late of ['late-1', 'late-3'])
            expect(await find(here.grants, 'AccessToken', late)).to.equal(undefined);
          expect((await find(here.grants, 'Grant', 'grant')) !== undefined).to.equal(grantLives);
          expect((await find(here.grants, 'Session', 'session')) !== undefined).to.equal(sessionLives);
        };
        await expectEnded();
        await here.close();
        here = await place.open();
        await expectEnded();
      });

      it(`${name}: refuses a refresh in flight, first or repeated`, async () => {
        const repeated = { kind: 'refresh', refreshToken: 'refresh', accessToken: 'one' } as const;
        expect(await perform(here.grants, repeated)).to.include({ result: 'done' });
        // Nothing but the refresh token is stored for a JWT access token; the repeated one writes nothing at all.
        const late = await inRequest(here.grants, async () => {
          await find(here.grants, 'RefreshToken', 'refresh');
          await find(here.grants, 'Grant', 'grant');
          await here.grants.storageFor('RefreshToken').consume('refresh');
          await save(here.grants, 'RefreshToken', here.grants.successorOf('refresh') as string, BOUND);
          await apart(here.grants, end);
        });
        expect(late.outcome).to.include({ outcome: 'refused', reason: 'grant_revoked' });
      });
    }

    it('takes one step however many tokens there are, and spares those of others', async () => {
      const { grants } = here;
      await save(grants, 'Grant', 'other', { accountId: 'ada', clientId: 'other-app' });
      await save(grants, 'AccessToken', 'other-access', {
        ...BOUND,
        grantId: 'other',
        clientId: 'other-app',
      });
      await Promise.all(
        Array.from({ length: 200 }, (_, index) => save(grants, 'AccessToken', `many-${index}`, BOUND)),
      );
      expect(await grants.revokeGrant('grant')).to.deep.equal({ outcome: 'revoked', grants: 1 });
      const left = await Promise.all(
        Array.from({ length: 200 }, (_, index) => find(grants, 'AccessToken', `many-${index}`)),
      );
      expect(left.filter((token) => token !== undefined)).to.have.length(0);
      expect(await find(grants, 'AccessToken', 'other-access')).to.be.an('object');
      expect(await grants.revokeGrant('grant')).to.deep.equal({ outcome: 'not_found' });
    });

    it('spares an interaction that names the grant, and lets a new consent count', async () => {
      const { grants } = here;
      await save(grants, 'Interaction', 'interaction', { grantId: 'grant' });
      await grants.storageFor('AccessToken').revokeByGrantId('grant');
      expect(await find(grants, 'Interaction', 'interaction')).to.be.an('object');
      await save(grants, 'AccessToken', 'new-access', BOUND);
      expect(await find(grants, 'AccessToken', 'new-access')).to.be.an('object');
    });

    it('refuses a grant that is written, or copied from one, while that is ended', async () => {
      const { grants } = here;
      for (const client of ['written', 'copied']) {
        await save(grants, 'Grant', client, { accountId: 'ada', clientId: client });
        const { outcome } = await inRequest(grants, async () => {
          const grant = await find(grants, 'Grant', client);
          const id = client === 'copied' ? 'copy' : client;
          await save(grants, 'Grant', id, { ...grant, jti: id });
          expect(await grants.revokeGrant(client)).to.deep.equal({ outcome: 'revoked', grants: 1 });
        });
        expect(outcome).to.deep.equal({ outcome: 'refused', reason: 'grant_revoked', model: 'Grant' });
        expect(await grants.findGrantId({ accountId: 'ada', clientId: client })).to.equal(undefined);
      }
      expect((await grants.listGrants({ accountId: 'ada' })).map(({ grantId }) => grantId)).to.deep.equal([
        'grant',
      ]);
    });

    it('remembers an ended grant longer than anything issued under it', async () => {
      const { grants, storage } = here;
      await save(grants, 'Grant', 'short', { accountId: 'ada', clientId: 'app' }, 1);
      await save(grants, 'RefreshToken', 'long', { ...BOUND, grantId: 'short' }, 600);
      await grants.storageFor('RefreshToken').revokeByGrantId('short');
      await save(grants, 'AccessToken', 'brief', {}, 1);
      await eventually(
        'it is time to sweep',
        async () => (await find(grants, 'AccessToken', 'brief')) === undefined,
      );
      while (await storage.sweep(100)) await find(grants, 'AccessToken', 'brief');
      expect(await find(grants, 'RefreshToken', 'long')).to.equal(undefined);
      const { outcome } = await inRequest(grants, () =>
        save(grants, 'AccessToken', 'new', { ...BOUND, grantId: 'short' }),
      );
      // The grant is still there, in a new generation: known, though the grant's own life was a second.
      expect(outcome).to.deep.equal({ outcome: 'committed' });
      expect(await find(grants, 'RefreshToken', 'long')).to.equal(undefined);
    });

    it('issues nothing under a grant that was never there or is forgotten', async () => {
      const { grants } = here;
      const { outcome } = await inRequest(grants, () =>
        save(grants, 'AccessToken', 'token', { ...BOUND, grantId: 'unknown' }),
      );
      expect(outcome).to.include({ outcome: 'refused', reason: 'grant_revoked' });
    });

    it('endSession ends the session and the tokens that were to end with it', async () => {
      const { grants } = here;
      await save(grants, 'Grant', 'lasting', { accountId: 'ada', clientId: 'mail' });
      await save(grants, 'AccessToken', 'lasting-access', { ...BOUND, grantId: 'lasting', clientId: 'mail' });
      await save(grants, 'Session', 'session', {
        uid: 'uid',
        accountId: 'ada',
        authorizations: { app: { grantId: 'grant' }, mail: { grantId: 'lasting', persistsLogout: true } },
      });
      expect((await grants.listSessions({ accountId: 'ada' }))[0]).to.deep.include({
        uid: 'uid',
        clients: ['app', 'mail'],
      });
      expect(await grants.endSession('uid')).to.deep.equal({ outcome: 'ended' });
      expect(await find(grants, 'Session', 'session')).to.equal(undefined);
      expect(await grants.storageFor('Session').findByUid('uid')).to.equal(undefined);
      expect(await tokens()).to.deep.equal([undefined, undefined, undefined]);
      expect(await find(grants, 'AccessToken', 'lasting-access')).to.be.an('object');
      expect(await grants.listSessions({ accountId: 'ada' })).to.deep.equal([]);
      expect(await grants.endSession('uid')).to.deep.equal({ outcome: 'not_found' });
    });

    describe('of a person', () => {
      const login = { result: { login: { accountId: 'ada' }, consent: {} } };

      it('takes the login out of an interaction that was answered before', async () => {
        const { grants } = here;
        await save(grants, 'Interaction', 'answered', login);
        await grants.endAccount('ada', { consent: false });
        expect(await find(grants, 'Interaction', 'answered'))
          .to.have.property('result')
          .that.deep.equals({ consent: {} });
        const asked = (await here.storage.readAccountEnding(recordKey('account', 'ada'))) ?? 0;
        expect(asked).to.be.above(0);
        // A store on another machine tells the time as exactly as its answers are quick.
        await eventually('a later moment', () => Date.now() > asked + 200);
        await save(grants, 'Interaction', 'answered-again', login);
        expect(await find(grants, 'Interaction', 'answered-again')).to.have.nested.property('result.login');
      });

      it('takes what was proved out of an interaction that waits for a second step', async () => {
        const { grants } = here;
        const proved = { accountId: 'ada', methods: ['pwd'] };
        await save(grants, 'Interaction', 'half', { result: { proved } });
        expect(await find(grants, 'Interaction', 'half')).to.have.nested.property('result.proved');
        await grants.endAccount('ada', { consent: false });
        expect(await find(grants, 'Interaction', 'half'))
          .to.have.property('result')
          .that.deep.equals({});
      });

      it('refuses a login, a session and a consent that were in flight', async () => {
        const { grants } = here;
        const writes: Record<string, () => Promise<void>> = {
          Interaction: () => save(grants, 'Interaction', 'late', login),
          Session: () => save(grants, 'Session', 'late', { uid: 'late-uid', accountId: 'ada' }),
          Grant: () => save(grants, 'Grant', 'late', { accountId: 'ada', clientId: 'app' }),
        };
        for (const [model, write] of Object.entries(writes)) {
          const { outcome } = await inRequest(grants, async () => {
            await write();
            await grants.endAccount('ada', { consent: false });
          });
          expect(outcome).to.deep.equal({ outcome: 'refused', reason: 'account_ended', model });
          expect(await find(grants, model, 'late')).to.equal(undefined);
        }
      });
    });
  });
}
