import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Configuration } from '../../../config/configuration.ts';
import type { DatabaseAddress } from '../../../config/database-url.ts';

export type PostgresSettings = Configuration['database'];

/** What a connection has to tell an operator. */
/** How much later (ms) than the server this process gives a statement up: the server's answer says more. */
const GRACE_MILLISECONDS = 500;
/** How long (ms) a transaction may do nothing: a process that was stopped in the middle of one must not hold up the others. */
const IDLE_IN_TRANSACTION_MILLISECONDS = 5000;
const KEEP_ALIVE_MILLISECONDS = 10_000;
/** How long (ms) connections may take to close before they are cut. */
const CLOSE_MILLISECONDS = 1000;
/** The type `int8`, which comes as text: dates in ms and counts, all within the integers that a number holds. */
const INT8 = 20;

function tlsOf(address: DatabaseAddress, settings: PostgresSettings): pg.ClientConfig['ssl'] {
  if (address.tls === 'off') return false;
  const { caFile, certFile, keyFile } = settings;
  return {
    rejectUnauthorized: address.tls !== 'unverified',
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
    ...(address.tls === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  };
}

/**
 * What every connection to one server has in common, and its sockets, so that a server that does not answer cannot keep the
 * process alive. Each setting is given: `pg` would look what is missing up in the environment and in the home directory.
 */
export class PostgresConnections {
  readonly address: DatabaseAddress;
  readonly settings: PostgresSettings;
  readonly #sockets = new Set<Socket>();
  readonly #tls: pg.ClientConfig['ssl'];
  /** Added to the session's options, as `-c name=value`. */
  sessionOptions = '';

  constructor(address: DatabaseAddress, settings: PostgresSettings) {
    this.address = address;
    this.settings = settings;
    this.#tls = tlsOf(address, settings);
  }

  /** `patient`: for statements that may take any time, as those of a migration. */
  configuration({ patient = false } = {}): pg.ClientConfig {
    const { host, port, user, password, database, options = '' } = this.address;
    const { connectTimeout, statementTimeout } = this.settings;
    return {
      host,
      port,
      user,
      password: () => password ?? '',
      database,
      ssl: this.#tls ?? false,
      client_encoding: 'utf8',
      application_name: 'latchkey',
      options: `${options} ${this.sessionOptions}`.trim(),
      connectionTimeoutMillis: connectTimeout,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MILLISECONDS,
      ...(patient
        ? {}
        : {
            statement_timeout: statementTimeout,
            lock_timeout: statementTimeout,
            query_timeout: statementTimeout + GRACE_MILLISECONDS,
            idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MILLISECONDS,
          }),
      types: {
        getTypeParser: (oid: number, format?: 'text' | 'binary') =>
          oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
      },
      stream: () => this.#socket(),
    };
  }

  /** Waits a moment until all connections are closed, and cuts what is left. */
  async close(): Promise<void> {
    const deadline = performance.now() + CLOSE_MILLISECONDS;
    while (this.#sockets.size > 0 && performance.now() < deadline) await sleep(5);
    for (const socket of this.#sockets) socket.destroy();
  }

  #socket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }
}
