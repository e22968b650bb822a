import type { IncomingMessage } from 'node:http';
import type { Events } from '../../observability/events.ts';

const told = new WeakSet<IncomingMessage>();

/** Tells of a request that is made to wait, once, also when it is looked at twice (docs/decisions/0044-plain-requests.md). */
export function tellThrottled(
  events: Events,
  ctx: { req: IncomingMessage; ip: string } | undefined,
  attempt: { kind: string; clientId: string },
): void {
  if (ctx !== undefined) {
    if (told.has(ctx.req)) return;
    told.add(ctx.req);
  }
  events.emit('attempt.throttled', { ...attempt, address: ctx?.ip ?? '' });
}
