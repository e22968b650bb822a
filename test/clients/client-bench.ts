import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Apis, openApis } from '../../lib/clients/apis.ts';
import { type Clients, type ClientsOptions, openClients } from '../../lib/clients/clients.ts';
import { type Database, openDatabase } from '../../lib/database/database.ts';

export const configuration: ClientsOptions['configuration'] = {
  keys: { algorithms: ['RS256', 'ES256'], rotationInterval: 1, jwksMaxAge: 1, announceMargin: 1 },
  features: { responseTypes: 'code' },
};

/** Waits until another connection has noticed a change: within ten milliseconds, by lib/database/revisions.ts. */
export async function noticed(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('the change was not noticed');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A data directory with a directory of clients and APIs, and further ones on connections of their own. */
export class ClientBench {
  readonly dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-clients-'));
  readonly #closers: (() => unknown)[] = [];
  readonly errors: string[] = [];

  async open(
    changed: Partial<ClientsOptions> = {},
  ): Promise<{ clients: Clients; apis: Apis; database: Database }> {
    const database = await openDatabase({ dataDir: this.dataDir, encryptionKey: [] });
    const log = { error: (_details: object, message: string) => this.errors.push(message) };
    const clients = openClients({ database, configuration, log, ...changed });
    const apis = openApis({ database, configuration });
    this.#closers.push(async () => {
      clients.close();
      apis.close();
      await database.close();
    });
    return { clients, apis, database };
  }

  /** The bytes of every file of the data directory. */
  files(): Buffer[] {
    return readdirSync(this.dataDir).map((name) => readFileSync(path.join(this.dataDir, name)));
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
