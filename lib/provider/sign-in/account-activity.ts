import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Events } from '../../observability/events.ts';
import { ACCOUNT_CLIENT_ID } from './account-client.ts';
import { userAgentOf } from './session-device.ts';

/** An interaction that was answered, as the engine resumes it. */
interface ResumedInteraction {
  lastSubmission?: { login?: unknown; consent?: unknown };
}

/** Tells of what a person should be able to look up later: sign-ins, what applications were allowed, and when they used it. */
export function tellOfActivity(provider: Provider, events: Events): void {
  provider.on('interaction.ended', (ctx: KoaContextWithOIDC) => {
    const { result, session, client, entities } = ctx.oidc;
    const accountId = session?.accountId;
    if (accountId === undefined || client === undefined) return;
    // The answers of earlier steps of the same authorization come along with each further one.
    const before = (entities.Interaction as ResumedInteraction | undefined)?.lastSubmission;
    const clientId = client.clientId === ACCOUNT_CLIENT_ID ? {} : { clientId: client.clientId };
    const place = { accountId, address: ctx.ip, userAgent: userAgentOf(ctx), ...clientId };
    if (result?.login !== undefined && before?.login === undefined) {
      events.emit('account.activity', { kind: 'signed-in', ...place });
    }
    if (result?.consent !== undefined && before?.consent === undefined) {
      events.emit('account.activity', { kind: 'application-allowed', ...place });
    }
  });
  const used = (ctx: KoaContextWithOIDC): void => {
    const accountId = ctx.oidc.account?.accountId;
    const clientId = ctx.oidc.client?.clientId;
    if (accountId === undefined || clientId === undefined || clientId === ACCOUNT_CLIENT_ID) return;
    events.emit('application.used', { accountId, clientId });
  };
  provider.on('authorization.success', used);
  provider.on('grant.success', used);
}
