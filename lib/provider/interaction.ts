import type Koa from 'koa';
import { errors, type InteractionResults } from 'oidc-provider';
import type { StoredClient } from '../clients/clients.ts';
import { cookieNames } from './cookies.ts';
import type { ProviderHost, ProviderRooms } from './provider.ts';

/** What the engine is waiting for, in the host's words. */
export interface PendingInteraction {
  uid: string;
  prompt: 'login' | 'consent' | 'select_account' | 'create';
  client: StoredClient;
  redirectUri: string;
  /** Parameters of the authorization request. */
  params: Readonly<Record<string, unknown>>;
  /** Who is signed in to this browser's session, if anybody. */
  accountId: string | undefined;
  sessionUid: string | undefined;
  /** What is asked beyond what was granted before. */
  missing: { scopes: string[]; claims: string[]; resourceScopes: Record<string, string[]> };
  grantId: string | undefined;
  /** Whether another device is to be let in, instead of an application that this browser returns to. */
  forDevice: boolean;
}

/**
 * `unknown`: this browser holds no cookie of it; `completed`: it was answered, or its time is over; `changed`: who is
 * signed in at this browser has changed since it began.
 */
export interface NoInteraction {
  outcome: 'expired';
  reason: 'unknown' | 'completed' | 'changed';
}

/** How a person answered. */
export type InteractionAnswer =
  | { kind: 'login'; accountId: string; methods: string[]; remember: boolean }
  | { kind: 'account_selected' }
  | { kind: 'consented' }
  | { kind: 'denied' };

/** Interactions as pages need them: read one, answer it, and get the address to go on to. */
export interface InteractionDesk {
  /** The interaction that this browser holds the cookie of, if there still is one. */
  pending(ctx: Koa.Context, uid: string): Promise<PendingInteraction | NoInteraction>;
  /** Records the answer; returns where to send the browser (303). */
  answer(ctx: Koa.Context, interaction: PendingInteraction, answer: InteractionAnswer): Promise<string>;
}

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** Builds the desk over the engine that is current at each request. */
export function createInteractionDesk(host: ProviderHost, rooms: ProviderRooms): InteractionDesk {
  const { interaction: cookieName } = cookieNames(rooms.configuration.issuer);

  async function grantConsent(interaction: PendingInteraction): Promise<string> {
    const { provider } = host.current();
    const { client, accountId, missing } = interaction;
    if (accountId === undefined) throw new Error('consent without a signed-in person');
    // Another tab may have got its consent meanwhile: one grant for both, or the tokens of the first would end.
    const session =
      interaction.sessionUid === undefined
        ? undefined
        : await provider.Session.findByUid(interaction.sessionUid);
    const grantId = session?.grantIdFor(client.clientId) ?? interaction.grantId;
    const known = grantId === undefined ? undefined : await provider.Grant.find(grantId);
    const grant =
      known?.accountId === accountId && known.clientId === client.clientId
        ? known
        : new provider.Grant({
            jti: rooms.grants.generateId(interaction.sessionUid),
            accountId,
            clientId: client.clientId,
          } as object);
    if (missing.scopes.length > 0) grant.addOIDCScope(missing.scopes.join(' '));
    if (missing.claims.length > 0) grant.addOIDCClaims(missing.claims);
    for (const [resource, scopes] of Object.entries(missing.resourceScopes)) {
      grant.addResourceScope(resource, scopes.join(' '));
    }
    return grant.save();
  }

  async function resultOf(
    interaction: PendingInteraction,
    answer: InteractionAnswer,
  ): Promise<InteractionResults> {
    switch (answer.kind) {
      case 'login':
        return {
          ...(interaction.prompt === 'select_account' ? { select_account: {} } : {}),
          // Who finds that they have an account already signs in with it (OpenID Connect Prompt Create §4).
          ...(interaction.prompt === 'create' ? { create: {} } : {}),
          login: { accountId: answer.accountId, amr: answer.methods, remember: answer.remember },
        };
      case 'account_selected':
        return { select_account: {} };
      case 'consented':
        return { consent: { grantId: await grantConsent(interaction) } };
      case 'denied':
        return { error: 'access_denied', error_description: 'End-User aborted interaction' };
      default:
        return answer satisfies never;
    }
  }

  return {
    async pending(ctx, uid) {
      // The engine goes by the cookie; a page of another tab's interaction must not act on this one.
      if (ctx.cookies.get(cookieName, { signed: false }) !== uid)
        return { outcome: 'expired', reason: 'unknown' };
      try {
        const details = await host.current().provider.interactionDetails(ctx.req, ctx.res);
        const client = await rooms.clients.find(String(details.params.client_id));
        if (client === undefined) return { outcome: 'expired', reason: 'completed' };
        const asked = details.prompt.details;
        return {
          uid,
          prompt: details.prompt.name as PendingInteraction['prompt'],
          client,
          redirectUri: String(details.params.redirect_uri ?? ''),
          params: details.params,
          accountId: details.session?.accountId,
          sessionUid: details.session?.uid,
          missing: {
            scopes: strings(asked.missingOIDCScope),
            claims: strings(asked.missingOIDCClaims),
            resourceScopes: (asked.missingResourceScopes ?? {}) as Record<string, string[]>,
          },
          grantId: details.grantId,
          forDevice: details.deviceCode !== undefined,
        };
      } catch (error) {
        if (!(error instanceof errors.SessionNotFound)) throw error;
        const interaction = await host.current().provider.Interaction.find(uid);
        return { outcome: 'expired', reason: interaction === undefined ? 'completed' : 'changed' };
      }
    },

    async answer(ctx, interaction, answer) {
      const result = await resultOf(interaction, answer);
      return host.current().provider.interactionResult(ctx.req, ctx.res, result, {
        mergeWithLastSubmission: answer.kind !== 'denied',
      });
    },
  };
}
