import type Koa from 'koa';
import { type AccountAdapter, AccountsUnavailable } from '../../accounts/account-adapter.ts';
import type { Apis } from '../../clients/apis.ts';
import type { StoredClient } from '../../clients/clients.ts';
import { OPENID_SCOPES } from '../../clients/scope.ts';
import type { DevicePages, DeviceRequest } from '../../provider/devices/device-page-contract.ts';
import { noteError } from '../request-notes.ts';
import type { Draw } from './draw-page.ts';
import { accountView, clientView } from './record-views.ts';
import type { AccountView, ConsentApi } from './view-models.ts';

/** The pages on which a device is let in (RFC 8628 §3.3). Their forms are the engine's. */
export function createDevicePages(options: {
  draw: Draw;
  knownClient(clientId: unknown): Promise<StoredClient | undefined>;
  requestedApis(scopesOf: Record<string, string[]>): Promise<ConsentApi[]>;
  accounts: AccountAdapter;
  apis: Apis;
}): DevicePages {
  const { draw, knownClient, requestedApis, accounts, apis } = options;

  /** Who is signed in; the page can do without while the user base is down. */
  async function signedIn(accountId: string | undefined): Promise<AccountView | undefined> {
    if (accountId === undefined) return undefined;
    try {
      const account = await accounts.findBySub(accountId);
      return account === undefined || account.disabled ? undefined : accountView(account);
    } catch (error) {
      if (error instanceof AccountsUnavailable) return undefined;
      throw error;
    }
  }

  /** The scopes of each API that is named: what else is asked for is of no API, or of none that may be used. */
  async function apisOf({ resources, scopes }: DeviceRequest): Promise<ConsentApi[]> {
    const asked = await Promise.all(
      resources.map(async (identifier) => {
        const api = await apis.find(identifier);
        return [identifier, scopes.filter((scope) => api?.scopes.includes(scope) === true)] as const;
      }),
    );
    return requestedApis(Object.fromEntries(asked));
  }

  return {
    enterCode: (ctx, form, { userCode, problem }) => {
      if (problem !== undefined) noteError(ctx.req, `device_code_${problem.kind}`);
      draw(ctx as unknown as Koa.Context, 'device', { ...form, userCode: userCode || undefined, problem });
    },

    confirm: async (ctx, form, request) => {
      const client = await knownClient(request.clientId);
      const { scopes, claims, address, deviceName, age, userCode } = request;
      draw(ctx as unknown as Koa.Context, 'device-confirm', {
        ...form,
        userCode,
        client: client === undefined ? { name: request.clientId } : clientView(client),
        account: await signedIn(ctx.oidc.session?.accountId),
        address,
        isOwnAddress: address === ctx.ip,
        deviceName,
        age,
        identityScopes: scopes.filter((scope) => OPENID_SCOPES.has(scope) && scope !== 'offline_access'),
        identityClaims: claims,
        apis: await apisOf(request),
        offlineAccess: client?.metadata.grant_types.includes('refresh_token') === true,
      });
    },

    approved: async (ctx, clientId) => {
      const client = await knownClient(clientId);
      draw(ctx as unknown as Koa.Context, 'device-ended', {
        reason: 'approved',
        client: client === undefined ? undefined : clientView(client),
      });
    },

    refused: (ctx) => draw(ctx as unknown as Koa.Context, 'device-ended', { reason: 'refused' }),
    answered: (ctx) => draw(ctx, 'device-ended', { reason: 'answered' }),
  };
}
