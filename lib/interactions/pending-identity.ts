import type Koa from 'koa';
import type { Account } from '../accounts/account-adapter.ts';
import { SealError, type Sealer } from '../database/sealer.ts';
import { cookieName } from '../provider/cookies.ts';
import type { UpstreamIdentity } from '../upstream/upstream-identities.ts';
import type { UpstreamSignIn } from '../upstream/upstream-sign-in.ts';
import { type NoticeRooms, tellPerson } from './security-notice.ts';

/**
 * Identities at other providers that were proved in an interaction and are nobody's here yet: whoever then proves an account
 * in the same interaction and browser gets it linked. The browser keeps it, sealed for this one interaction.
 */
export class PendingIdentities {
  readonly #rooms: ConstructorParameters<typeof PendingIdentities>[0];
  readonly #cookieName: string;
  readonly #secure: boolean;
  /** Requests whose cookie counts no more. */
  readonly #dropped = new WeakSet<Koa.Context>();

  constructor(
    rooms: NoticeRooms & { issuer: string; sealer: Sealer; upstream: Pick<UpstreamSignIn, 'link'> },
  ) {
    this.#rooms = rooms;
    this.#secure = rooms.issuer.startsWith('https:');
    this.#cookieName = cookieName(rooms.issuer, 'identity', 'narrow');
  }

  keep(ctx: Koa.Context, uid: string, identity: UpstreamIdentity): void {
    const sealed = this.#rooms.sealer.seal(JSON.stringify(identity), contextOf(uid));
    this.#set(ctx, uid, sealed.toString('base64url'));
  }

  /** What waits to be linked in this interaction. */
  read(ctx: Koa.Context, uid: string): UpstreamIdentity | undefined {
    const held = ctx.cookies.get(this.#cookieName, { signed: false });
    if (held === undefined || held === '' || this.#dropped.has(ctx)) return undefined;
    try {
      const opened = this.#rooms.sealer.open(Buffer.from(held, 'base64url'), contextOf(uid));
      return JSON.parse(opened.toString('utf8')) as UpstreamIdentity;
    } catch (error) {
      if (error instanceof SealError) return undefined;
      throw error;
    }
  }

  drop(ctx: Koa.Context, uid: string): void {
    this.#dropped.add(ctx);
    this.#set(ctx, uid, null);
  }

  /** Links what waits with the person who has just proved themselves, and tells them. Nothing when nothing waits. */
  async linkWith(ctx: Koa.Context, uid: string, account: Account): Promise<void> {
    const identity = this.read(ctx, uid);
    if (identity === undefined) return;
    const outcome = await this.#rooms.upstream.link(identity, account.sub);
    this.drop(ctx, uid);
    if (outcome === 'linked') tellPerson(this.#rooms, ctx, account, 'identity-linked');
  }

  #set(ctx: Koa.Context, uid: string, value: string | null): void {
    ctx.cookies.secure = this.#secure;
    ctx.cookies.set(this.#cookieName, value, {
      httpOnly: true,
      sameSite: 'lax',
      signed: false,
      overwrite: true,
      path: `/interaction/${uid}`,
    });
  }
}

const contextOf = (uid: string): string => `pending-identity:${uid}`;
