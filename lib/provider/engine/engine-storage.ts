import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';
import { AccountsUnavailable } from '../../accounts/account-adapter.ts';
import type { Clients, StoredClient } from '../../clients/clients.ts';
import { DatabaseUnavailable } from '../../database/database-unavailable.ts';
import type { MaybePromise } from '../../database/prepared-query.ts';
import type { Grants, ModelStorage } from '../../grants/grants.ts';
import { StorageUnavailable } from '../../grants/storage.ts';
import { ExternalSignerUnavailable } from '../../keys/external/external-signer-errors.ts';
import { temporarilyUnavailable } from '../errors/refusals.ts';

/** Proofs may be dated this far (s) into the future (RFC 9449 §11.1); their records must outlive that. */
const PROOF_CLOCK_ALLOWANCE_SECONDS = 300;
/** So long (s) a device still hears, and its person sees, that its code has expired, rather than that there is none (RFC 8628 §3.5). */
const EXPIRED_CODE_SECONDS = 600;

/** A store, a directory or a signer in trouble as the protocol's `temporarily_unavailable`; anything else as it is. */
function translated(error: unknown): unknown {
  return error instanceof StorageUnavailable ||
    error instanceof AccountsUnavailable ||
    error instanceof DatabaseUnavailable ||
    error instanceof ExternalSignerUnavailable
    ? temporarilyUnavailable(error)
    : error;
}

/** Runs a store or directory call and translates its trouble. What answers at once still does. */
export function whileAvailable<T>(call: () => Promise<T>): Promise<T>;
export function whileAvailable<T>(call: () => MaybePromise<T>): MaybePromise<T>;
export function whileAvailable<T>(call: () => MaybePromise<T>): MaybePromise<T> {
  try {
    const answer = call();
    if (!(answer instanceof Promise)) return answer;
    return answer.catch((error: unknown) => {
      throw translated(error);
    });
  } catch (error) {
    throw translated(error);
  }
}

/** How much longer (s) than the engine asks a model's records are kept. */
type Lingering = Readonly<Record<string, number>>;

class GrantAdapter implements Adapter {
  readonly #storage: ModelStorage;
  readonly #model: string;
  readonly #lingering: Lingering;

  constructor(storage: ModelStorage, model: string, lingering: Lingering) {
    this.#storage = storage;
    this.#model = model;
    this.#lingering = lingering;
  }

  upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const longer = this.#lingering[this.#model] ?? 0;
    const lifetime = expiresIn === undefined ? undefined : expiresIn + longer;
    return whileAvailable(() => this.#storage.upsert(id, payload as Record<string, unknown>, lifetime));
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    return whileAvailable(() => this.#storage.find(id)) as Promise<AdapterPayload | undefined>;
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return whileAvailable(() => this.#storage.findByUid(uid)) as Promise<AdapterPayload | undefined>;
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return whileAvailable(() => this.#storage.findByUserCode(userCode)) as Promise<
      AdapterPayload | undefined
    >;
  }

  consume(id: string): Promise<void> {
    return whileAvailable(() => this.#storage.consume(id));
  }

  destroy(id: string): Promise<void> {
    return whileAvailable(async () => {
      // An interaction leads on once: of several requests that go on from it at once, the first that commits.
      if (this.#model === 'Interaction') await this.#storage.consume(id);
      await this.#storage.destroy(id);
    });
  }

  revokeByGrantId(grantId: string): Promise<void> {
    return whileAvailable(() => this.#storage.revokeByGrantId(grantId));
  }
}

/** What a client looks like to the engine. `client_secret` is the real one only where a MAC needs it (clients.ts). */
function enginePayload(client: StoredClient): AdapterPayload {
  return client.engineMetadata as AdapterPayload;
}

class ClientAdapter implements Adapter {
  readonly #clients: Clients;

  constructor(clients: Clients) {
    this.#clients = clients;
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const client = await whileAvailable(() => this.#clients.find(id));
    return client === undefined ? undefined : enginePayload(client);
  }

  upsert(): Promise<never> {
    return this.#refuse();
  }

  findByUid(): Promise<never> {
    return this.#refuse();
  }

  findByUserCode(): Promise<never> {
    return this.#refuse();
  }

  consume(): Promise<never> {
    return this.#refuse();
  }

  destroy(): Promise<never> {
    return this.#refuse();
  }

  revokeByGrantId(): Promise<never> {
    return this.#refuse();
  }

  /** Clients are managed by lib/clients alone; the engine asks this only with dynamic registration, which is off. */
  async #refuse(): Promise<never> {
    throw new Error('the engine does not manage clients');
  }
}

/** The engine's storage: clients from the directory, everything else from lib/grants. */
export function engineStorage(
  grants: Grants,
  clients: Clients,
  lifetimes: { interaction: number },
): AdapterFactory {
  const lingering = {
    ReplayDetection: PROOF_CLOCK_ALLOWANCE_SECONDS,
    DeviceCode: EXPIRED_CODE_SECONDS,
    BackchannelAuthenticationRequest: EXPIRED_CODE_SECONDS,
    // It is marked as used when its authorization ends, as late as the last moment of a login that it began.
    PushedAuthorizationRequest: lifetimes.interaction,
  };
  return (model) =>
    model === 'Client'
      ? new ClientAdapter(clients)
      : new GrantAdapter(grants.storageFor(model), model, lingering);
}
