import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { prototypesOf } from '../engine/engine-context.ts';

/** For how long a person lets in an application that nobody vouches for. */
export const GRANT_DURATIONS = ['session', 'month', 'year'] as const;

export type GrantDuration = (typeof GRANT_DURATIONS)[number];

const DAYS = { month: 30, year: 365 } as const;
const DAY_SECONDS = 86_400;

/** What a grant's payload says of its end, beyond what the engine puts there. */
export interface GrantBound {
  /** Unix time, s: nothing of it counts any longer than that, and nobody goes on from it. */
  boundedUntil?: number | undefined;
  /** It ends with the session in which it was given. */
  endsWithSession?: boolean | undefined;
}

/** Has the bound kept in the payloads of grants. */
export function keepBoundsInGrants(provider: Provider): void {
  const { Grant } = prototypesOf(provider);
  const members = [...Grant.IN_PAYLOAD, 'boundedUntil', 'endsWithSession'];
  Object.defineProperty(Grant, 'IN_PAYLOAD', { get: () => members, configurable: true });
}

/** Bounds a grant as the person chose just now, whatever they had chosen before. */
export function boundGrant(grant: object, duration: GrantDuration | undefined): void {
  const bound = grant as GrantBound;
  bound.endsWithSession = duration === 'session' ? true : undefined;
  bound.boundedUntil =
    duration === undefined || duration === 'session'
      ? undefined
      : Math.floor(Date.now() / 1000) + DAYS[duration] * DAY_SECONDS;
}

/** Whether its time is over. */
export function isOver(grant: object): boolean {
  const { boundedUntil } = grant as GrantBound;
  return boundedUntil !== undefined && boundedUntil <= Date.now() / 1000;
}

/** A token's lifetime (s) within that of the grant of this request. */
export function withinGrant(ctx: KoaContextWithOIDC | undefined, seconds: number): number {
  const { boundedUntil } = (ctx?.oidc?.entities?.Grant ?? {}) as GrantBound;
  if (boundedUntil === undefined) return seconds;
  return Math.max(1, Math.min(seconds, boundedUntil - Math.floor(Date.now() / 1000)));
}

/** Whether the grant of this request ends with the session. */
export function endsWithSession(ctx: KoaContextWithOIDC): boolean {
  return ((ctx.oidc.entities.Grant ?? {}) as GrantBound).endsWithSession === true;
}
