import { expect } from 'chai';
import { apart, find, inRequest, save } from './engine-requests.ts';
import type { MakePlace, OpenPlace, Place } from './storage-place.ts';

type Payload = Record<string, unknown>;

/** Promise 5: sessions merge. */
export function describeSessions(makePlace: MakePlace): void {
  describe('a session', () => {
    let place: Place;
    let here: OpenPlace;
    let there: OpenPlace;

    beforeEach(async () => {
      place = await makePlace();
      here = await place.open();
      there = await place.open();
    });

    afterEach(async () => {
      await here.close();
      await there.close();
      await place.remove();
    });

    const begin = (payload: Payload = { accountId: 'ada' }) =>
      apart(here.grants, () => save(here.grants, 'Session', 'first-id', { uid: 'uid', ...payload }));

    /** As the engine at the end of a request: a replaced identifier is destroyed, then the session saved. */
    async function write({ grants }: OpenPlace, from: string, change: Payload, to = from): Promise<void> {
      const session = await find(grants, 'Session', from);
      const { jti } = session as { jti: string };
      const id = to === from ? jti : to;
      if (id !== jti) await grants.storageFor('Session').destroy(jti);
      await save(grants, 'Session', id, { ...session, ...change, jti: id });
    }

    async function authorize(opened: OpenPlace, from: string, client: string): Promise<void> {
      const session = await find(opened.grants, 'Session', from);
      const authorizations = {
        ...(session?.authorizations as Payload),
        [client]: { sid: client, grantId: client },
      };
      await write(opened, from, { authorizations });
    }

    it('keeps the place of every client that was authorized at once', async () => {
      await begin();
      const clients = ['a', 'b', 'c', 'd', 'e', 'f'];
      let arrived = 0;
      let open = () => {};
      const barrier = new Promise<void>((resolve) => {
        open = resolve;
      });
      const outcomes = await Promise.all(
        clients.map((client, index) => {
          const opened = index % 2 === 0 ? here : there;
          return inRequest(
            opened.grants,
            () => authorize(opened, 'first-id', client),
            'everything',
            () => {
              arrived += 1;
              if (arrived === clients.length) open();
              return barrier;
            },
          );
        }),
      );
      expect(outcomes.map(({ outcome }) => outcome)).to.deep.equal(
        clients.map(() => ({ outcome: 'committed' })),
      );
      const session = await find(here.grants, 'Session', 'first-id');
      expect(session?.authorizations).to.have.all.keys(...clients);
      for (const client of clients)
        expect(session).to.have.nested.property(`authorizations.${client}.grantId`, client);
    });

    it('stays ended though a slow request writes it, and after a restart', async () => {
      await begin();
      const { outcome } = await inRequest(here.grants, async () => {
        await authorize(here, 'first-id', 'app');
        await save(here.grants, 'Interaction', 'interaction');
        await apart(there.grants, () => there.grants.storageFor('Session').destroy('first-id'));
      });
      expect(outcome).to.deep.equal({ outcome: 'refused', reason: 'session_ended', model: 'Session' });
      const failed = () => authorize(here, 'first-id', 'app').catch(() => undefined);
      await inRequest(here.grants, failed, 'revocations-and-state');
      await here.close();
      here = await place.open();
      expect(await find(here.grants, 'Session', 'first-id')).to.equal(undefined);
      expect(await here.grants.storageFor('Session').findByUid('uid')).to.equal(undefined);
      expect(await find(here.grants, 'Interaction', 'interaction')).to.equal(undefined);
    });

    it('stays ended when a failed request that was under way keeps what it may', async () => {
      await begin();
      const work = async () => {
        await authorize(here, 'first-id', 'app');
        await save(here.grants, 'Interaction', 'interaction');
        await apart(there.grants, () => there.grants.storageFor('Session').destroy('first-id'));
      };
      expect((await inRequest(here.grants, work, 'revocations-and-state')).outcome).to.deep.equal({
        outcome: 'committed',
      });
      expect(await find(here.grants, 'Session', 'first-id')).to.equal(undefined);
      expect(await find(here.grants, 'Interaction', 'interaction')).to.be.an('object');
    });

    it('is found by a replaced identifier for a moment, under its new one', async () => {
      await begin();
      await apart(here.grants, () => write(here, 'first-id', {}, 'second-id'));
      for (const id of ['first-id', 'second-id']) {
        expect(await find(there.grants, 'Session', id)).to.include({
          uid: 'uid',
          jti: 'second-id',
          accountId: 'ada',
        });
      }
    });

    it('is never found by an identifier from before a sign-in', async () => {
      await begin({});
      await apart(here.grants, () => write(here, 'first-id', {}, 'second-id'));
      expect(await find(there.grants, 'Session', 'first-id')).to.include({ jti: 'second-id' });
      await apart(here.grants, () => write(here, 'second-id', { accountId: 'ada' }, 'third-id'));
      // Not the one that was replaced at the sign-in, and none that led there.
      for (const id of ['first-id', 'second-id'])
        expect(await find(there.grants, 'Session', id)).to.equal(undefined);
      expect(await find(there.grants, 'Session', 'third-id')).to.include({ accountId: 'ada' });
    });

    it('is not found by such an identifier either when the sign-in saves it twice', async () => {
      await begin({});
      await apart(here.grants, async () => {
        await write(here, 'first-id', { accountId: 'ada' }, 'second-id');
        await write(here, 'second-id', { acr: 'high' }, 'third-id');
      });
      for (const id of ['first-id', 'second-id'])
        expect(await find(there.grants, 'Session', id)).to.equal(undefined);
      expect(await find(there.grants, 'Session', 'third-id')).to.include({ accountId: 'ada', acr: 'high' });
    });

    it('gives a slow request that came with a replaced identifier the new one, and the old one no new life', async () => {
      await begin();
      const { outcome } = await inRequest(here.grants, async () => {
        await authorize(here, 'first-id', 'app');
        await apart(there.grants, () => write(there, 'first-id', { acr: 'high' }, 'second-id'));
      });
      expect(outcome).to.deep.equal({ outcome: 'committed', sessionId: 'second-id' });
      const session = await find(there.grants, 'Session', 'second-id');
      expect(session).to.include({ jti: 'second-id', acr: 'high' });
      expect(session).to.have.nested.property('authorizations.app.grantId', 'app');
      // And a sign-out ends what either leads to.
      await apart(there.grants, () => there.grants.storageFor('Session').destroy('second-id'));
      for (const id of ['first-id', 'second-id'])
        expect(await find(here.grants, 'Session', id)).to.equal(undefined);
    });

    it('tells nothing of the new identifier to a slow request from before a sign-in', async () => {
      await begin({});
      const { outcome } = await inRequest(here.grants, async () => {
        await write(here, 'first-id', { state: { secret: 'x' } });
        await apart(there.grants, () => write(there, 'first-id', { accountId: 'ada' }, 'second-id'));
      });
      expect(outcome).to.deep.equal({ outcome: 'refused', reason: 'session_changed', model: 'Session' });
      expect(await find(here.grants, 'Session', 'first-id')).to.equal(undefined);
    });

    it('refuses a second sign-in by somebody else at the same time, and accepts one by the same person', async () => {
      for (const [accountId, expected] of [
        ['eve', { outcome: 'refused', reason: 'session_changed', model: 'Session' }],
        ['ada', { outcome: 'committed' }],
      ] as const) {
        const uid = `uid-${accountId}`;
        await apart(here.grants, () => save(here.grants, 'Session', `${uid}-1`, { uid }));
        const { outcome } = await inRequest(here.grants, async () => {
          await write(here, `${uid}-1`, { accountId }, `${uid}-2`);
          await apart(there.grants, () => write(there, `${uid}-1`, { accountId: 'ada' }, `${uid}-3`));
        });
        expect(outcome).to.deep.equal(expected);
        expect(await find(here.grants, 'Session', `${uid}-3`)).to.include({ accountId: 'ada' });
        expect((await find(here.grants, 'Session', `${uid}-2`))?.accountId).to.equal(
          accountId === 'ada' ? 'ada' : undefined,
        );
      }
    });

    it('is listed for its person alone, and not before somebody signed in', async () => {
      await begin({});
      expect(await here.grants.listSessions({})).to.deep.equal([]);
      await apart(here.grants, () =>
        write(here, 'first-id', { accountId: 'ada', loginTs: 1_700_000_000 }, 'second-id'),
      );
      await apart(here.grants, () =>
        save(here.grants, 'Session', 'eves', { uid: 'eve-uid', accountId: 'eve' }),
      );
      expect(await there.grants.listSessions({})).to.have.length(2);
      const [session, ...others] = await there.grants.listSessions({ accountId: 'ada' });
      expect(others).to.deep.equal([]);
      expect(session).to.include({ uid: 'uid', accountId: 'ada', loginAt: 1_700_000_000_000 });
    });
  });
}
