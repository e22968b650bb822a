import { hash } from 'node:crypto';
import {
  type Configuration as EngineConfiguration,
  interactionPolicy,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import type { Clients } from '../../clients/clients.ts';
import { leadsToOwnDevice } from '../../clients/redirect-uri.ts';
import type { Grants } from '../../grants/grants.ts';
import { neighbourIdentifier } from '../../grants/token-identifier.ts';
import { rememberSessionGrant } from '../devices/device-grant.ts';
import { entitiesOf } from '../engine/engine-context.ts';
import { whileAvailable } from '../engine/engine-storage.ts';
import { grantLifetime } from '../lifetimes.ts';
import { type GrantBound, isOver } from '../tokens/bounded-grants.ts';
import { ACCOUNT_CLIENT_ID } from './account-client.ts';
import { addAssuranceCheck } from './assurance.ts';
import { interactionUrl } from './interaction-url.ts';

const { base, Check, Prompt } = interactionPolicy;

/** The values of `prompt` that are understood. */
export function promptValues(registration: boolean): string[] {
  return ['none', 'login', 'consent', 'select_account', ...(registration ? ['create'] : [])];
}

/**
 * When a person is asked something: the engine's login and consent prompts, and before them account selection
 * (OpenID Connect Core §3.1.2.1 `prompt=select_account`) and registration (OpenID Connect Prompt Create `prompt=create`).
 */
export function interactions(options: {
  /** Whether people may make accounts (`prompt=create`). */
  registration: boolean;
  assurance: Parameters<typeof addAssuranceCheck>[1];
  clients: Pick<Clients, 'find'>;
}): NonNullable<EngineConfiguration['interactions']> {
  const policy = base();
  // Requestable: the engine adds the check that prompt=select_account was answered.
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0);
  if (options.registration) policy.add(new Prompt({ name: 'create', requestable: true }), 0);
  // Whoever was disabled or deleted where people are kept may still have a session here: the engine would go on without
  // an account, and fail.
  policy
    .get('login')
    ?.checks.add(
      new Check('account_gone', 'End-User authentication is required', 'login_required', ({ oidc }) =>
        oidc.session?.accountId !== undefined && oidc.account === undefined
          ? Check.REQUEST_PROMPT
          : Check.NO_NEED_TO_PROMPT,
      ),
    );
  addAssuranceCheck(policy, options.assurance);
  // Any program of the device may come as an application that said itself what it is, of whatever type: what one was
  // allowed is not handed out to the next without a page (RFC 8252 §8.6).
  policy.get('consent')?.checks.add(
    new Check('own_device', 'End-User interaction is required', 'interaction_required', async ({ oidc }) => {
      const { client, params, result } = oidc;
      if (client === undefined || result?.consent !== undefined) return Check.NO_NEED_TO_PROMPT;
      if (!leadsToOwnDevice(String(params?.redirect_uri))) return Check.NO_NEED_TO_PROMPT;
      const registered = await whileAvailable(() => options.clients.find(client.clientId));
      return registered?.origin === 'operator' ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT;
    }),
  );
  return {
    policy,
    url: (_ctx, interaction) => interactionUrl(interaction.uid, String(interaction.params.client_id)),
  };
}

/** What a grant allows, without its identity and times. */
const ALLOWED = ['openid', 'resources', 'rar', 'rejected', 'boundedUntil'] as const;

/**
 * The grant under which an authorization continues: the one of this session, extended when a refresh token issued now
 * would outlive it; else a new one that allows what this person allowed this client before. A grant for each session, and for
 * each device that is let in from one (RFC 8628), keeps devices apart: logging out of one, or a refresh token stolen from one,
 * ends nothing on another.
 */
export function loadExistingGrant(
  grants: Grants,
  lifetimes: Configuration['lifetimes'],
): NonNullable<EngineConfiguration['loadExistingGrant']> {
  const lifetime = grantLifetime(lifetimes);
  return async (ctx: KoaContextWithOIDC) => {
    const { client, session, result, account, provider } = ctx.oidc;
    if (client === undefined || session === undefined || account === undefined) return undefined;
    const { accountId } = account;
    const { clientId } = client;
    if (clientId === ACCOUNT_CLIENT_ID) {
      // People need not allow themselves their own account: allowed for this request, and kept nowhere.
      const own = new provider.Grant({ accountId, clientId });
      own.addOIDCScope('openid');
      return own;
    }
    const find = async (grantId: string | undefined) => {
      const grant = grantId === undefined ? undefined : await provider.Grant.find(grantId);
      // After a switch of accounts the session may still name the former person's grant: never another's.
      const theirs = grant?.accountId === accountId && grant.clientId === clientId ? grant : undefined;
      return theirs === undefined || isOver(theirs) ? undefined : theirs;
    };
    const now = Math.floor(Date.now() / 1000);
    const sessionGrantId = session.grantIdFor(clientId);
    const grant = await find(result?.consent?.grantId ?? sessionGrantId);
    const device = entitiesOf(ctx).DeviceCode;
    if (device !== undefined) rememberSessionGrant(ctx, clientId);
    const isNotTheDevices = device !== undefined && grant?.jti === sessionGrantId;
    if (grant === undefined || isNotTheDevices) {
      const remembered =
        grant ?? (await find(await whileAvailable(() => grants.findGrantId({ accountId, clientId }))));
      if (remembered === undefined || (remembered as GrantBound).endsWithSession) return undefined;
      const allowed = ALLOWED.map((member) => [
        member,
        (remembered as typeof remembered & GrantBound)[member],
      ]).filter(([, value]) => value !== undefined);
      // Two tabs that come here at once make the same grant: with two, the tokens of one tab would end at once.
      const copied =
        device === undefined ? `${session.uid}:${clientId}:${remembered.jti}` : `device:${device.jti}`;
      const digest = hash('sha256', copied, 'buffer');
      const jti = neighbourIdentifier(session.uid, digest);
      const copy = new provider.Grant({ jti, accountId, clientId, ...Object.fromEntries(allowed) } as object);
      await copy.save();
      return copy;
    }
    if ((grant.exp ?? 0) - now < lifetimes.refreshToken) {
      grant.exp = now + lifetime;
      await grant.save();
    }
    return grant;
  };
}
