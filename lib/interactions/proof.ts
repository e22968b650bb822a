import type Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import type { Account } from '../accounts/account-adapter.ts';
import { hasSecondStep, MULTI_FACTOR } from '../authentication/assurance.ts';
import type { KnownBrowsers } from '../authentication/known-browsers.ts';
import { isFresh } from '../authentication/recent-proof.ts';
import {
  isEnrolled,
  mayAddFactor,
  type PersonFactors,
  type SecondFactors,
  type SecondWay,
  type SetUpWay,
  setUpsToReach,
  waysToReach,
} from '../authentication/second-factors/second-factors.ts';
import type { UpstreamSession } from '../grants/grants.ts';
import type { Events } from '../observability/events.ts';
import { isWanting, missing } from '../provider/sign-in/assurance.ts';
import type { InteractionDesk, PendingInteraction } from '../provider/sign-in/interaction.ts';
import { interactionUrl } from '../provider/sign-in/interaction-url.ts';
import { knowBrowser } from './known-browser.ts';
import type { PendingIdentities } from './pending-identity.ts';
import { finish, seeOther } from './pending-step.ts';
import { heldByBrowser } from './remembered-browser.ts';

/** What a way to sign in has found out. */
export interface Proof {
  account: Account;
  /** What was proved in this step, as `amr` values (RFC 8176). */
  methods: readonly string[];
  /** Where the first of them came from, when that was another provider. */
  upstream?: UpstreamSession | undefined;
}

/** What the end of a proof works with. */
export interface ProofRooms {
  configuration: Pick<Configuration, 'issuer' | 'secondFactor'>;
  desk: InteractionDesk;
  secondFactors: SecondFactors;
  knownBrowsers: KnownBrowsers;
  events: Events;
  /** Undefined while nobody signs in at other providers. */
  pendingIdentities: PendingIdentities | undefined;
}

/** What is to happen after what was proved so far. */
export type NextStep =
  | { kind: 'none' }
  /** One of these ways is to be proved. */
  | { kind: 'second-step'; ways: SecondWay[]; factors: PersonFactors }
  /** The person has none of the ways that would do, and must set one of these up. */
  | { kind: 'enrol'; ways: SetUpWay[]; factors: PersonFactors }
  /** Nothing that could be set up here would do. */
  | { kind: 'unmet' };

/**
 * Whether something is left to prove before this person is signed in: by the request's demand, else by the policy for
 * everybody and for groups. A remembered browser answers the policy, but no demand, and not before something is set up. Whoever
 * is about to have another way in linked proves what they can, wherever they are remembered.
 */
export async function nextStep(
  rooms: ProofRooms,
  ctx: Koa.Context,
  interaction: PendingInteraction,
  { account, methods }: Pick<Proof, 'account' | 'methods'>,
): Promise<NextStep> {
  const { configuration, secondFactors } = rooms;
  const { issuer, secondFactor } = configuration;
  const links = linksIdentity(rooms, ctx, interaction);
  const demanded = missing(interaction.demand.required, methods);
  const wants = isWanting(interaction.demand, methods);
  const isDone = hasSecondStep(methods);
  if (demanded.length === 0 && !wants && isDone) return { kind: 'none' };
  const factors = await secondFactors.of(account);
  if (wants) {
    const ways = waysToReach(factors, methods, [...demanded, interaction.demand.wanted]);
    if (ways.length > 0) return { kind: 'second-step', ways, factors };
    // What is only wished for may stay out of reach.
  }
  if (demanded.length === 0) {
    if (isDone || !(policyAsks(secondFactor, account, factors) || (links && isEnrolled(factors))))
      return { kind: 'none' };
    const held = heldByBrowser(ctx, issuer);
    if (!links && (await secondFactors.devices.isRemembered(account.sub, held))) return { kind: 'none' };
  }
  const ways = waysToReach(factors, methods, demanded);
  if (ways.length > 0) return { kind: 'second-step', ways, factors };
  const setUps = setUpsToReach(factors, methods, demanded);
  if (setUps.length === 0) return { kind: 'unmet' };
  if (mayAddFactor(factors, methods)) {
    // A demand that a code by mail does not meet is no way around that code, where the policy asks for it.
    const asked =
      isDone || !policyAsks(secondFactor, account, factors) ? [] : waysToReach(factors, methods, []);
    if (asked.length > 0) return { kind: 'second-step', ways: asked, factors };
    return { kind: 'enrol', ways: setUps, factors };
  }
  const first = waysToReach(factors, methods, [[MULTI_FACTOR]]);
  return first.length > 0 ? { kind: 'second-step', ways: first, factors } : { kind: 'unmet' };
}

/** The step of an interaction in which somebody sets up the first of these ways. */
export function enrolStep([first]: readonly SetUpWay[]): 'enrol' | 'enrol-passkey' {
  return first === 'passkey' ? 'enrol-passkey' : 'enrol';
}

function policyAsks(
  { policy, groups }: Configuration['secondFactor'],
  { claims }: Account,
  factors: PersonFactors,
): boolean {
  if (policy === 'required' || (policy === 'enrolled' && isEnrolled(factors))) return true;
  const theirs = Array.isArray(claims.groups) ? claims.groups : [];
  return groups.some((group) => theirs.includes(group));
}

/**
 * Where every way to sign in ends: the person is signed in, or has a further step to take, of which the server remembers what is proved
 * so far, for this interaction alone. Emits login.succeeded. Whoever calls it has judged the proof in this very
 * request, for this interaction and this browser.
 */
export async function acceptProof(
  rooms: ProofRooms,
  ctx: Koa.Context,
  interaction: PendingInteraction,
  { account, methods, upstream }: Proof,
): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  // Who came from another provider had perhaps proved themselves there long before.
  const at = upstream === undefined ? now : Math.min(now, upstream.signedInAt ?? 0);
  await goOn(rooms, ctx, interaction, { account, methods, upstream, keepsTime: false, at });
}

/** The same for a factor that comes on top of `interaction.proved`, which must be this person's. */
export async function acceptFurtherProof(
  rooms: ProofRooms,
  ctx: Koa.Context,
  interaction: PendingInteraction,
  { account, methods }: Proof,
): Promise<void> {
  const { proved } = interaction;
  if (proved?.accountId !== account.sub) throw new Error('a further proof of somebody else');
  const together = [...new Set([...proved.methods, ...methods])];
  const { session: keepsTime, upstream, at } = proved;
  await goOn(rooms, ctx, interaction, { account, methods: together, upstream, keepsTime, at });
}

/** Whether somebody's identity at another provider is to be linked when they have proved who they are here. */
function linksIdentity(
  { pendingIdentities }: Pick<ProofRooms, 'pendingIdentities'>,
  ctx: Koa.Context,
  { uid }: PendingInteraction,
): boolean {
  return pendingIdentities?.read(ctx, uid) !== undefined;
}

async function goOn(
  rooms: ProofRooms,
  ctx: Koa.Context,
  interaction: PendingInteraction,
  { account, methods, upstream, keepsTime, at }: Proof & { keepsTime: boolean; at: number | undefined },
): Promise<void> {
  const { desk, events, configuration } = rooms;
  const { uid, client } = interaction;
  const next = await nextStep(rooms, ctx, interaction, { account, methods });
  switch (next.kind) {
    case 'second-step':
    case 'enrol':
    case 'unmet': {
      await desk.keepProof(ctx, interaction, {
        accountId: account.sub,
        methods: [...methods],
        session: keepsTime,
        at,
        upstream,
      });
      const step = next.kind === 'enrol' ? enrolStep(next.ways) : next.kind === 'unmet' ? 'enrol' : next.kind;
      seeOther(ctx, interactionUrl(uid, client.clientId, step));
      return;
    }
    case 'none':
      // As on the account page: a session of long ago gives nobody another way in, whatever factor came on top of it.
      if (!keepsTime || isFresh({ authenticatedAt: await desk.provedAt(interaction) }))
        await rooms.pendingIdentities?.linkWith(ctx, uid, account);
      await knowBrowser(ctx, rooms.knownBrowsers, { issuer: configuration.issuer, account });
      events.emit('login.succeeded', {
        accountId: account.sub,
        clientId: client.clientId,
        method: methods.join(' '),
      });
      await finish(desk, ctx, interaction, {
        kind: 'login',
        accountId: account.sub,
        methods: [...methods],
        remember: true,
        keepsTime,
        upstream,
      });
      return;
    default:
      next satisfies never;
  }
}
