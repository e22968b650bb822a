import type { CommitOutcome, Grants } from '../../lib/grants/grants.ts';

/** What the protocol engine does to its storage in one request, told in its order of calls. */
export type EngineRequest =
  | { kind: 'exchange-code'; code: string; accessToken: string; refreshToken: string }
  | { kind: 'redeem-device'; code: string; accessToken: string; refreshToken: string }
  | { kind: 'refresh'; refreshToken: string; accessToken: string }
  | { kind: 'use-pushed-request'; requestUri: string; accessToken: string }
  | { kind: 'show-proof'; jti: string; accessToken: string };

export interface RequestOutcome {
  /** What the client would be told. */
  result: 'done' | 'not_found' | 'consumed' | 'refused';
  reason?: string;
  /** The refresh token of the answer. */
  successor?: string;
}

type Payload = Record<string, unknown>;
const LIFETIME = 3600;
const now = () => Math.floor(Date.now() / 1000);

/** Runs work as one request of `scope` and ends it. */
export async function inRequest<Value>(
  grants: Grants,
  work: () => Promise<Value>,
  scope: 'everything' | 'revocations-and-state' = 'everything',
  beforeCommit: () => Promise<void> = async () => {},
): Promise<{ value: Value; outcome: CommitOutcome }> {
  return grants.inUnitOfWork(async () => {
    const value = await work();
    await beforeCommit();
    return { value, outcome: await grants.commit(scope) };
  });
}

/** The same while another request is under way, as somebody else's. */
export async function apart<Value>(grants: Grants, work: () => Promise<Value>): Promise<Value> {
  return (await inRequest(grants, work)).value;
}

export function save(
  grants: Grants,
  model: string,
  id: string,
  payload: Payload = {},
  seconds = LIFETIME,
): Promise<void> {
  const issued = { iat: now(), exp: now() + seconds, jti: id, kind: model, ...payload };
  return grants.storageFor(model).upsert(id, issued, seconds);
}

export async function find(grants: Grants, model: string, id: string): Promise<Payload | undefined> {
  return grants.storageFor(model).find(id);
}

async function issue(
  grants: Grants,
  source: Payload,
  request: { accessToken: string },
  refreshToken: string,
): Promise<void> {
  const { grantId, accountId, clientId, jkt } = source;
  const bound = { grantId, accountId, clientId, ...(jkt === undefined ? {} : { jkt }) };
  await save(grants, 'AccessToken', request.accessToken, bound);
  await save(grants, 'RefreshToken', refreshToken, bound);
}

/** As the engine meets a code or token that was used: it revokes what was issued, and fails. */
async function meetUsed(
  grants: Grants,
  model: string,
  id: string,
  payload: Payload,
): Promise<RequestOutcome> {
  if (model === 'RefreshToken') await grants.storageFor(model).destroy(id);
  await grants.storageFor(model).revokeByGrantId(String(payload.grantId));
  await grants.commit('revocations-and-state');
  return { result: 'consumed' };
}

async function settle(grants: Grants, successor?: string): Promise<RequestOutcome> {
  const outcome = await grants.commit('everything');
  return outcome.outcome === 'refused'
    ? { result: 'refused', reason: outcome.reason }
    : { result: 'done', ...(successor === undefined ? {} : { successor }) };
}

async function useOnce(
  grants: Grants,
  model: string,
  id: string,
  then: (payload: Payload) => Promise<string | undefined>,
  beforeCommit: () => Promise<void>,
): Promise<RequestOutcome> {
  const payload = await find(grants, model, id);
  if (payload === undefined) {
    await beforeCommit();
    return { result: 'not_found' };
  }
  if (payload.consumed !== undefined) {
    await beforeCommit();
    return meetUsed(grants, model, id, payload);
  }
  if (payload.grantId !== undefined && (await find(grants, 'Grant', String(payload.grantId))) === undefined) {
    await beforeCommit();
    return { result: 'not_found' };
  }
  await grants.storageFor(model).consume(id);
  const successor = await then(payload);
  await beforeCommit();
  return settle(grants, successor);
}

/** Performs a request as a unit of its own; `beforeCommit` runs when all is read and buffered. */
export function perform(
  grants: Grants,
  request: EngineRequest,
  beforeCommit: () => Promise<void> = async () => {},
): Promise<RequestOutcome> {
  return grants.inUnitOfWork(async () => {
    switch (request.kind) {
      case 'exchange-code':
      case 'redeem-device': {
        const model = request.kind === 'exchange-code' ? 'AuthorizationCode' : 'DeviceCode';
        const answer = async (payload: Payload) => {
          await issue(grants, payload, request, request.refreshToken);
          return request.refreshToken;
        };
        return useOnce(grants, model, request.code, answer, beforeCommit);
      }
      case 'refresh': {
        const answer = async (payload: Payload) => {
          const successor = grants.successorOf(request.refreshToken) as string;
          await issue(grants, payload, request, successor);
          return successor;
        };
        return useOnce(grants, 'RefreshToken', request.refreshToken, answer, beforeCommit);
      }
      case 'use-pushed-request': {
        const answer = async () => {
          await save(grants, 'AccessToken', request.accessToken);
          return undefined;
        };
        return useOnce(grants, 'PushedAuthorizationRequest', request.requestUri, answer, beforeCommit);
      }
      case 'show-proof': {
        const shown = await find(grants, 'ReplayDetection', request.jti);
        if (shown === undefined) {
          await save(grants, 'ReplayDetection', request.jti);
          await save(grants, 'AccessToken', request.accessToken);
        }
        await beforeCommit();
        return shown === undefined ? settle(grants) : { result: 'not_found' };
      }
      default:
        return request satisfies never;
    }
  });
}
