import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import type { PasskeyRegistration } from '../authentication/passkeys/passkey-registration.ts';
import type { SecondFactors } from '../authentication/second-factors/second-factors.ts';
import type { MailLinkPages } from '../interactions/mail-link-pages.ts';
import { seeOther } from '../interactions/pending-step.ts';
import { mailPerson, noteActivity } from '../interactions/security-notice.ts';
import type { UpstreamSignIn } from '../upstream/upstream-sign-in.ts';
import type { AccountDeletions } from './account-deletions.ts';
import type { AccountPages } from './account-pages.ts';
import { type ApplicationRooms, applicationsOf } from './applications.ts';
import type { OwnPages, Show } from './own-page.ts';
import type { SecurityChangeRooms } from './security-change.ts';
import { sessionsOf } from './sessions.ts';
import type { SignedInPerson } from './signed-in-person.ts';

const DATA_PATH = '/account/data';
const DELETE_PATH = '/account/delete';

/** What these pages work with. */
export interface OwnDataRooms extends SecurityChangeRooms, ApplicationRooms {
  configuration: Pick<Configuration, 'accountPage'>;
  accounts: AccountAdapter;
  deletions: AccountDeletions;
  secondFactors: SecondFactors;
  passkeyRegistration: PasskeyRegistration | undefined;
  upstream: UpstreamSignIn | undefined;
  pages: AccountPages & Pick<MailLinkPages, 'linkResult'>;
}

const moment = (milliseconds: number | undefined): string | undefined =>
  milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();

/** Everything that is kept of a person and can be read, but no proof (GDPR art. 15 and 20). */
async function exportOf(rooms: OwnDataRooms, person: SignedInPerson): Promise<object> {
  const { account } = person;
  const record = await rooms.accounts.directory?.show(account.sub);
  const { secondFactors } = rooms;
  const [sessions, applications, activity, passkeys, identities, factors, devices] = await Promise.all([
    sessionsOf(rooms.grants, person),
    applicationsOf(rooms, account.sub),
    rooms.activity.list(account.sub),
    rooms.passkeyRegistration?.passkeys.listOf(account.sub) ?? [],
    rooms.upstream?.identities.listOf(account.sub) ?? [],
    secondFactors.of(account),
    secondFactors.devices.list(account.sub),
  ]);
  return {
    exported_at: moment(Date.now()),
    account: {
      sub: account.sub,
      login: account.login,
      claims: account.claims,
      created_at: moment(record?.createdAt),
    },
    passkeys: passkeys.map(({ name, aaguid, createdAt, lastUsedAt }) => ({
      name,
      model: aaguid,
      created_at: moment(createdAt),
      last_used_at: moment(lastUsedAt),
    })),
    connected_sign_ins: identities.map(({ issuer, subject, label, createdAt, lastUsedAt }) => ({
      issuer,
      subject,
      name: label,
      connected_at: moment(createdAt),
      last_used_at: moment(lastUsedAt),
    })),
    second_step: {
      authenticator_app: factors.totp,
      recovery_codes_left: factors.recoveryCodes,
      remembered_browsers: devices.map(({ userAgent, createdAt, usedAt, expiresAt }) => ({
        user_agent: userAgent,
        created_at: moment(createdAt),
        last_used_at: moment(usedAt),
        expires_at: moment(expiresAt),
      })),
    },
    sessions: sessions.map(({ userAgent, address, signedInAt, usedAt, current }) => ({
      user_agent: userAgent,
      address,
      signed_in_at: moment(signedInAt),
      last_used_at: moment(usedAt),
      current,
    })),
    applications: applications.map(({ clientId, identityScopes, apiScopes, since, usedAt }) => ({
      client_id: clientId,
      scopes: identityScopes,
      api_scopes: apiScopes,
      since: moment(since),
      last_used_at: moment(usedAt),
    })),
    activity: activity.map(({ at, kind, address, userAgent, clientId }) => ({
      at: moment(at),
      kind,
      address,
      user_agent: userAgent,
      client_id: clientId,
    })),
  };
}

/** A person takes their data with them, or has themselves deleted. */
export function addOwnData({ page, form }: OwnPages, rooms: OwnDataRooms): void {
  const { configuration, accounts, grants, deletions, events, pages } = rooms;
  const days = configuration.accountPage.deletionDays;

  const showDeletion: Show = (ctx, person, problem) =>
    pages.draw(ctx, 'account-delete', person, { days }, problem);

  page(DATA_PATH, {}, (ctx, person) => pages.draw(ctx, 'account-data', person, {}));
  page(`${DATA_PATH}/export`, { fresh: true }, async (ctx, person) => {
    const data = await exportOf(rooms, person);
    noteActivity(events, ctx, { accountId: person.account.sub, kind: 'data-exported' });
    ctx.type = 'application/json';
    ctx.set('Content-Disposition', 'attachment; filename="account.json"');
    ctx.body = `${JSON.stringify(data, undefined, 2)}\n`;
  });
  if (accounts.directory === undefined) return;
  page(DELETE_PATH, { fresh: true }, (ctx, person) => showDeletion(ctx, person));
  form(
    DELETE_PATH,
    { page: DELETE_PATH, fresh: true },
    async (ctx, person) => {
      const { account } = person;
      const at = await deletions.request(account.sub, days);
      noteActivity(events, ctx, { accountId: account.sub, kind: 'deletion-asked' });
      // After the wish is kept: should this fail, the person finds themselves signed in, and can ask again.
      await grants.endAccount(account.sub, { consent: false });
      mailPerson(rooms, ctx, account, { kind: 'deletion-asked', at });
      seeOther(ctx, `${DELETE_PATH}/done`);
    },
    showDeletion,
  );
}
