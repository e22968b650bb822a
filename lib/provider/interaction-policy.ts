import {
  type Configuration as EngineConfiguration,
  interactionPolicy,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import type { Configuration } from '../../config/configuration.ts';
import type { Grants } from '../grants/grants.ts';
import { grantLifetime } from './lifetimes.ts';

const { base, Check, Prompt } = interactionPolicy;

/**
 * When a person is asked something: the engine's login and consent prompts, and account selection
 * (OpenID Connect Core §3.1.2.1 `prompt=select_account`) before them, asked only when a session exists to choose.
 */
export function interactions(): NonNullable<EngineConfiguration['interactions']> {
  const policy = base();
  const selectAccount = new Prompt(
    { name: 'select_account', requestable: true },
    new Check('account_selection_requested', 'account selection was requested', 'account_selection_required', () =>
      Check.NO_NEED_TO_PROMPT,
    ),
  );
  policy.add(selectAccount, 0);
  return {
    policy,
    url: (_ctx, interaction) =>
      `/interaction/${interaction.uid}?client_id=${encodeURIComponent(String(interaction.params.client_id))}`,
  };
}

/** What a grant allows, without its identity and times. */
const ALLOWED = ['openid', 'resources', 'rar', 'rejected'] as const;

/**
 * The grant under which an authorization continues: the one of this session, extended when a refresh token issued now
 * would outlive it; else a new one that allows what this person allowed this client before. A grant for each session
 * keeps devices apart: logging out of one, or a refresh token stolen from one, ends nothing on another.
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
    const find = async (grantId: string | undefined) => {
      const grant = grantId === undefined ? undefined : await provider.Grant.find(grantId);
      // After a switch of accounts the session may still name the former person's grant: never another's.
      return grant?.accountId === accountId && grant.clientId === clientId ? grant : undefined;
    };
    const now = Math.floor(Date.now() / 1000);
    const grant = await find(result?.consent?.grantId ?? session.grantIdFor(clientId));
    if (grant === undefined) {
      const remembered = await find(await grants.findGrantId({ accountId, clientId }));
      if (remembered === undefined) return undefined;
      const allowed = ALLOWED.map((member) => [member, remembered[member]]).filter(([, value]) => value !== undefined);
      const copy = new provider.Grant({ accountId, clientId, ...Object.fromEntries(allowed) });
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
