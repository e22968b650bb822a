import { hash, randomUUID } from 'node:crypto';
import type Koa from 'koa';
import { errors, type InteractionResults } from 'oidc-provider';
import type { AuthorizationDetail } from '../../clients/authorization-details.ts';
import type { StoredClient } from '../../clients/clients.ts';
import type { UpstreamSession } from '../../grants/grants.ts';
import { cookieNames } from '../cookies.ts';
import { type EngineSession, prototypesOf } from '../engine/engine-context.ts';
import type { ProviderHost, ProviderRooms } from '../provider.ts';
import { rememberedDetails } from '../requests/authorization-details.ts';
import { boundGrant, type GrantDuration } from '../tokens/bounded-grants.ts';
import { ASSURANCE_REASON, type AssuranceDemand, demandOf } from './assurance.ts';
import { provedAt } from './session-device.ts';

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
  /** What the sign-in must be worth before the request is answered. */
  demand: AssuranceDemand;
  /**
   * What is proved so far, where a second step is due. `id` tells one proof from another: a page that was drawn for a
   * former one must not act on this.
   */
  proved: (Proved & { id: string }) | undefined;
  /** Where the browser goes on, when somebody has signed in here already: a form that was sent twice, or a page that is loaded again. */
  signedInTo: string | undefined;
  /** What is asked beyond what was granted before. */
  missing: {
    scopes: string[];
    claims: string[];
    resourceScopes: Record<string, string[]>;
    /** Authorization details (RFC 9396), of which a person is asked each time. */
    details: AuthorizationDetail[];
  };
  grantId: string | undefined;
  /** Whether another device is to be let in, instead of an application that this browser returns to. */
  forDevice: boolean;
}

/** Somebody's proofs in one sign-in, as `amr` values (RFC 8176). */
export interface Proved {
  accountId: string;
  methods: string[];
  /** It is the session's sign-in, to which only a further factor is missing. */
  session: boolean;
  /** When the first of them was proved (Unix time, s); undefined where the session tells. */
  at?: number | undefined;
  /** Where the first proof came from, when that was another provider. */
  upstream?: UpstreamSession | undefined;
}

/**
 * `unknown`: this browser holds no cookie of it; `completed`: it was answered, or its time is over; `changed`: who is
 * signed in at this browser has changed since it began.
 */
export interface NoInteraction {
  outcome: 'expired';
  reason: 'unknown' | 'completed' | 'changed';
}

/** How far an interaction has come by now; `completed`: to its end. */
export type InteractionState = Pick<PendingInteraction, 'proved' | 'signedInTo'> | 'completed';

/** How a person answered. */
export type InteractionAnswer =
  /** `keepsTime`: a factor was added to the session's sign-in, which is no younger for it. */
  | {
      kind: 'login';
      accountId: string;
      methods: string[];
      remember: boolean;
      keepsTime?: boolean;
      upstream?: UpstreamSession | undefined;
    }
  | { kind: 'account_selected' }
  /** `duration`: for how long, where the person is asked. */
  | { kind: 'consented'; duration?: GrantDuration | undefined }
  | { kind: 'denied' }
  /** The person cannot reach what the request demands. */
  | { kind: 'unmet' };

/** Interactions as pages need them: read one, answer it, and get the address to go on to. */
export interface InteractionDesk {
  /** The interaction that this browser holds the cookie of, if there still is one. */
  pending(ctx: Koa.Context, uid: string): Promise<PendingInteraction | NoInteraction>;
  /** What other requests have made of it since this one read it. */
  stateOf(interaction: PendingInteraction): Promise<InteractionState>;
  /** Keeps what is proved with the interaction, on this side, until a second step is taken; answers its `id`. */
  keepProof(ctx: Koa.Context, interaction: PendingInteraction, proved: Proved): Promise<string>;
  /** When the person of `proved` proved themselves first (Unix time, s); 0 when that is not known. */
  provedAt(interaction: PendingInteraction): Promise<number>;
  /** Records the answer; returns where to send the browser (303). */
  answer(ctx: Koa.Context, interaction: PendingInteraction, answer: InteractionAnswer): Promise<string>;
}

/** What the engine's interaction has beyond its published type. */
interface EngineInteraction {
  prompt: { name: string; reasons: string[] };
  session?: { accountId?: string; uid?: string; amr?: string[] };
  result?: { proved?: Proved & { id: string }; login?: unknown };
  returnTo: string;
  persist(): Promise<unknown>;
}

function provedIn({ prompt, session, result }: EngineInteraction): PendingInteraction['proved'] {
  if (result?.proved !== undefined) return result.proved;
  // Whoever must sign in for any other reason begins with the first factor.
  const lacksFactor =
    prompt.name === 'login' && prompt.reasons.every((reason) => reason === ASSURANCE_REASON);
  const { accountId, uid, amr } = session ?? {};
  if (!lacksFactor || accountId === undefined || uid === undefined) return undefined;
  return { id: hash('sha256', uid, 'base64url'), accountId, methods: amr ?? [], session: true };
}

function signedInTo({ result, returnTo }: EngineInteraction): string | undefined {
  return result?.login === undefined || result.proved !== undefined ? undefined : returnTo;
}

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** Builds the desk over the engine that is current at each request. */
export function createInteractionDesk(host: ProviderHost, rooms: ProviderRooms): InteractionDesk {
  const { interaction: cookieName } = cookieNames(rooms.configuration.issuer);

  async function grantConsent(
    interaction: PendingInteraction,
    duration: GrantDuration | undefined,
  ): Promise<string> {
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
    if (missing.details.length > 0) {
      const detailed = grant as { rar?: unknown[] };
      detailed.rar = rememberedDetails(detailed.rar ?? [], missing.details);
    }
    boundGrant(grant, duration);
    return grant.save();
  }

  async function sessionOf({ sessionUid }: PendingInteraction): Promise<EngineSession | undefined> {
    if (sessionUid === undefined) return undefined;
    return prototypesOf(host.current().provider).Session.findByUid(sessionUid);
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
          login: {
            accountId: answer.accountId,
            amr: answer.methods,
            remember: answer.remember,
            ...(answer.keepsTime === true
              ? { ts: (await sessionOf(interaction))?.loginTs }
              : { upstream: answer.upstream ?? null }),
          },
        };
      case 'account_selected':
        return { select_account: {} };
      case 'consented':
        return { consent: { grantId: await grantConsent(interaction, answer.duration) } };
      case 'unmet':
        return {
          error: 'unmet_authentication_requirements',
          error_description: 'the required authentication could not be reached',
        };
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
        const demand = demandOf(
          { params: details.params, requiredAcr: client.metadata.required_acr },
          rooms.configuration,
        );
        return {
          uid,
          demand,
          proved: provedIn(details as unknown as EngineInteraction),
          signedInTo: signedInTo(details as unknown as EngineInteraction),
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
            details: (asked.rar ?? []) as AuthorizationDetail[],
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

    async stateOf({ uid }) {
      // In a unit of its own: that of this request goes by what it has read.
      const found = await rooms.grants.inUnitOfWork(() => host.current().provider.Interaction.find(uid));
      if (found === undefined) return 'completed';
      const details = found as unknown as EngineInteraction;
      return { proved: provedIn(details), signedInTo: signedInTo(details) };
    },

    async keepProof(ctx, interaction, { accountId, methods, session, at, upstream }) {
      const details = await host.current().provider.interactionDetails(ctx.req, ctx.res);
      const kept = details as unknown as EngineInteraction;
      const { proved } = interaction;
      const isSame = proved?.accountId === accountId && proved.methods.join(' ') === methods.join(' ');
      // The pages of one proof stay good, however often it is looked at.
      const id = isSame ? proved.id : randomUUID();
      kept.result = { proved: { id, accountId, methods, session, at, upstream } };
      await kept.persist();
      return id;
    },

    async provedAt(interaction) {
      const { proved } = interaction;
      if (proved?.session !== true) return proved?.at ?? 0;
      const session = await sessionOf(interaction);
      return session === undefined ? 0 : provedAt(session);
    },

    async answer(ctx, interaction, answer) {
      const result = await resultOf(interaction, answer);
      // What somebody proved in an earlier interaction of this authorization would come along, past an ending of all their proofs.
      const settled = { ...result, proved: undefined };
      return host.current().provider.interactionResult(ctx.req, ctx.res, settled, {
        mergeWithLastSubmission: answer.kind !== 'denied' && answer.kind !== 'unmet',
      });
    },
  };
}
