import { errors } from 'oidc-provider';
import { acrOf } from '../../authentication/assurance.ts';
import type { AuthenticationRequests } from '../../authentication/authentication-requests.ts';
import type { StoredClient } from '../../clients/clients.ts';
import { OPENID_SCOPES, wordsOf } from '../../clients/scope.ts';
import type { Grants } from '../../grants/grants.ts';
import { type EngineBackchannelRequest, prototypesOf } from '../engine/engine-context.ts';
import type { ProviderHost, ProviderRooms } from '../provider.ts';
import { type AssuranceDemand, demandOf } from '../sign-in/assurance.ts';
import { boundGrant, type GrantDuration } from '../tokens/bounded-grants.ts';

/** A sign-in that waits for a person's answer, in the host's words. */
export interface PendingAuthenticationRequest {
  id: string;
  client: StoredClient;
  bindingMessage: string | undefined;
  /** What is asked for of the person's identity. */
  identityScopes: string[];
  identityClaims: string[];
  /** By the API's identifier. */
  apiScopes: Record<string, string[]>;
  offlineAccess: boolean;
  /** What the sign-in of whoever confirms must be worth, by the application, the scopes and the claims that are asked for. */
  demanded: AssuranceDemand['required'];
  /** Unix time, ms. */
  createdAt: number;
  expiresAt: number;
}

/** Who answers, and what that is worth. */
export interface Answerer {
  accountId: string;
  methods: readonly string[];
  /** Unix time, s. */
  authenticatedAt: number;
}

/** Requests of client-initiated backchannel authentication, as a person's page needs them. */
export interface AuthenticationRequestDesk {
  /** What waits for this person, the latest first. */
  pending(accountId: string): Promise<PendingAuthenticationRequest[]>;
  /**
   * Answers one; `duration`: for how long, where the person is asked. `gone`: it was answered before, is over, or is not this
   * person's.
   */
  answer(
    id: string,
    person: Answerer,
    answer: { approved: boolean; duration: GrantDuration | undefined },
  ): Promise<{ outcome: 'answered'; clientId: string } | { outcome: 'gone' }>;
}

function claimsOf({ claims }: EngineBackchannelRequest): string[] {
  const { userinfo = {}, id_token: idToken = {} } = claims ?? {};
  return [...new Set([...Object.keys(userinfo), ...Object.keys(idToken)])];
}

/** Builds the desk over the engine that is current at each call. */
export function createAuthenticationRequestDesk(
  host: Pick<ProviderHost, 'current'>,
  rooms: Pick<ProviderRooms, 'clients' | 'apis' | 'configuration'> & {
    requests: AuthenticationRequests;
    grants: Grants;
  },
): AuthenticationRequestDesk {
  const { clients, apis, requests, grants, configuration } = rooms;

  async function waiting(
    requestId: string,
    accountId: string,
  ): Promise<EngineBackchannelRequest | undefined> {
    const { BackchannelAuthenticationRequest } = prototypesOf(host.current().provider);
    const request = await BackchannelAuthenticationRequest.find(requestId);
    if (request === undefined || request.accountId !== accountId) return undefined;
    return request.isExpired || request.grantId !== undefined || request.error !== undefined
      ? undefined
      : request;
  }

  /** The scopes of each API that is asked for: what else is asked for is of no API, or of none that may be used. */
  async function apiScopesOf(request: EngineBackchannelRequest): Promise<Record<string, string[]>> {
    const asked = wordsOf(request.scope);
    const entries = await Promise.all(
      [request.resource ?? []].flat().map(async (identifier) => {
        const api = await apis.find(identifier);
        return [identifier, asked.filter((scope) => api?.scopes.includes(scope) === true)] as const;
      }),
    );
    return Object.fromEntries(entries);
  }

  async function approve(
    request: EngineBackchannelRequest,
    person: Answerer,
    duration: GrantDuration | undefined,
  ): Promise<void> {
    const { provider } = host.current();
    const { accountId, clientId } = request;
    const grant = new provider.Grant({ jti: grants.generateId(), accountId, clientId } as object);
    grant.addOIDCScope(
      wordsOf(request.scope)
        .filter((scope) => OPENID_SCOPES.has(scope))
        .join(' '),
    );
    const claims = claimsOf(request);
    if (claims.length > 0) grant.addOIDCClaims(claims);
    for (const [resource, scopes] of Object.entries(await apiScopesOf(request))) {
      grant.addResourceScope(resource, scopes.join(' '));
    }
    boundGrant(grant, duration);
    await grant.save();
    const methods = [...person.methods];
    const acr = methods.length === 0 ? undefined : acrOf(methods);
    await provider.backchannelResult(request as never, grant, {
      ...(acr === undefined ? {} : { acr }),
      amr: methods,
      authTime: person.authenticatedAt,
    });
  }

  return {
    async pending(accountId) {
      const found: PendingAuthenticationRequest[] = [];
      for (const { id, requestId, bindingMessage, createdAt, expiresAt } of await requests.list(accountId)) {
        const request = await waiting(requestId, accountId);
        const client = request === undefined ? undefined : await clients.find(request.clientId);
        if (request === undefined || client === undefined || client.problem !== undefined) continue;
        const scopes = wordsOf(request.scope);
        const { params } = request;
        const requiredAcr = client.metadata.required_acr;
        found.push({
          ...{ id, client, bindingMessage, createdAt, expiresAt },
          identityScopes: scopes.filter((scope) => OPENID_SCOPES.has(scope) && scope !== 'offline_access'),
          identityClaims: claimsOf(request),
          apiScopes: await apiScopesOf(request),
          offlineAccess: scopes.includes('offline_access'),
          demanded: demandOf({ params, requiredAcr }, configuration).required,
        });
      }
      return found;
    },

    async answer(id, person, { approved, duration }) {
      const record = (await requests.list(person.accountId)).find((each) => each.id === id);
      const request = record === undefined ? undefined : await waiting(record.requestId, person.accountId);
      if (request === undefined) return { outcome: 'gone' };
      if (approved) await approve(request, person, duration);
      else {
        const denied = new errors.AccessDenied('the person did not confirm the request');
        await host.current().provider.backchannelResult(request as never, denied);
      }
      return { outcome: 'answered', clientId: request.clientId };
    },
  };
}
