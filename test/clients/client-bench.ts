import { configurationSchema } from '../../config/configuration.ts';
import { type Apis, openApis } from '../../lib/clients/apis.ts';
import { type Clients, type ClientsOptions, openClients } from '../../lib/clients/clients.ts';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import type { DirectoryPlace, DirectoryStore } from '../database/directory-stores.ts';

export const configuration: ClientsOptions['configuration'] = {
  keys: configurationSchema.parse({}).keys,
  features: configurationSchema.parse({}).features,
};

/** Waits until another connection has noticed a change: within a second, by lib/database/revisions.ts. */
export async function noticed(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the change was not noticed');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Waits until the same object is found twice: the change that preceded was noticed, and what is found is remembered. */
export async function remembered(find: () => unknown): Promise<void> {
  let last: unknown;
  await noticed(async () => {
    const found = await find();
    const same = found !== undefined && found === last;
    last = found;
    return same;
  });
}

/** A directory of clients and APIs in a place of its own, and further ones on connections of their own. */
export class ClientBench {
  readonly #place: DirectoryPlace;
  readonly #closers: (() => unknown)[] = [];
  readonly errors: string[] = [];

  private constructor(place: DirectoryPlace) {
    this.#place = place;
  }

  static async make(store: DirectoryStore): Promise<ClientBench> {
    return new ClientBench(await store.makePlace());
  }

  async open(
    changed: Partial<ClientsOptions> = {},
  ): Promise<{ clients: Clients; apis: Apis; database: Database }> {
    const database = await openDatabase(this.#place.options);
    const log = { error: (_details: object, message: string) => this.errors.push(message) };
    const clients = openClients({ database, configuration, log, ...changed });
    const apis = openApis({ database, configuration });
    this.#closers.push(() => database.close());
    return { clients, apis, database };
  }

  /** The bytes of every file that holds something of it. */
  files(): Promise<Buffer[]> {
    return this.#place.files();
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
    await this.#place.remove();
  }
}
