import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Client, type Entry, PasswordPolicyControl, ResultCodeError, type SearchOptions } from 'ldapts';
import type { Configuration } from '../../../config/configuration.ts';
import { ldapTlsOf } from '../../../config/ldap-tls.ts';
import { Places } from '../../outbound/places.ts';
import { AccountsUnavailable } from '../account-adapter.ts';
import { type BindRefusal, bindRefusal, policyRefusal } from './bind-refusal.ts';
import { openLdapSocket } from './ldap-socket.ts';

/** Result codes by which a server says that another one should be asked (RFC 4511 appendix A): busy, unavailable. */
const ASK_ANOTHER = [51, 52];

export type BindVerdict = { outcome: 'proven' } | { outcome: 'refused'; reason: BindRefusal };

interface Connection {
  readonly client: Client;
  readonly isOpen: boolean;
  close(): void;
}

/**
 * The servers of one directory. Searches share one connection, which is opened again when it breaks; each password is judged on
 * a connection of its own, once. Whatever is no answer within the time is AccountsUnavailable.
 */
export class LdapDirectory {
  readonly #settings: Configuration['accounts']['ldap'];
  readonly #ca: string | undefined;
  readonly #places: Places;
  /** The server that answered last. */
  #preferred = 0;
  #searching: Promise<Connection> | undefined;

  constructor(settings: Configuration['accounts']['ldap']) {
    this.#settings = settings;
    this.#ca = settings.caFile === undefined ? undefined : readFileSync(settings.caFile, 'utf8');
    this.#places = new Places(settings.connections);
  }

  /** The entries that a search finds. Throws AccountsUnavailable. */
  async search(base: string, options: SearchOptions): Promise<Entry[]> {
    const deadline = Date.now() + this.#settings.timeout;
    const attempt = async (): Promise<Entry[]> => {
      const connection = await this.#connectionForSearches(deadline);
      try {
        const searching = connection.client.search(base, options);
        return (await inTime(searching, deadline, connection)).searchEntries;
      } catch (error) {
        if (saysNothing(error)) connection.close();
        if (isElsewhere(error)) this.#preferNext();
        throw error;
      }
    };
    try {
      return await attempt();
    } catch (error) {
      // A connection may have broken while nobody used it. Reading twice harms nobody.
      if (!saysNothing(error) || Date.now() >= deadline) throw unavailable(error);
    }
    try {
      return await attempt();
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** Whether this is the password of an entry. Never asked with an empty one (RFC 4513 section 5.1.2). Throws AccountsUnavailable. */
  async judge(dn: string, password: string): Promise<BindVerdict> {
    if (password === '') throw new TypeError('an empty password would be accepted for anybody');
    const deadline = Date.now() + this.#settings.timeout;
    const leave = await this.#places.take(this.#settings.timeout);
    if (leave === undefined) throw new AccountsUnavailable('too many passwords wait for the directory');
    try {
      return await this.#judge(dn, password, deadline);
    } catch (error) {
      throw unavailable(error);
    } finally {
      leave();
    }
  }

  async close(): Promise<void> {
    const searching = this.#searching;
    this.#searching = undefined;
    await searching?.then(
      (connection) => connection.close(),
      () => {},
    );
  }

  async #judge(dn: string, password: string, deadline: number): Promise<BindVerdict> {
    const connection = await this.#open(deadline);
    const policy = new PasswordPolicyControl();
    try {
      await inTime(connection.client.bind(dn, password, policy), deadline, connection);
      const reason = policyRefusal(policy.value?.error);
      return reason === undefined ? { outcome: 'proven' } : { outcome: 'refused', reason };
    } catch (error) {
      if (isElsewhere(error)) this.#preferNext();
      const reason = error instanceof ResultCodeError ? bindRefusal(error, policy.value?.error) : undefined;
      if (reason === undefined) throw error;
      return { outcome: 'refused', reason };
    } finally {
      connection.close();
    }
  }

  async #connectionForSearches(deadline: number): Promise<Connection> {
    const present = this.#searching;
    if (present !== undefined) {
      const connection = await present.catch(() => undefined);
      if (connection?.isOpen === true) return connection;
      // Of those who waited, the first opens the next one.
      if (this.#searching === present) this.#searching = undefined;
    }
    this.#searching ??= this.#openForSearches(deadline);
    return this.#searching;
  }

  async #openForSearches(deadline: number): Promise<Connection> {
    const { bindDn, bindPassword } = this.#settings;
    const connection = await this.#open(deadline);
    try {
      if (bindDn !== undefined && bindPassword !== undefined) {
        await inTime(connection.client.bind(bindDn, bindPassword), deadline, connection);
      }
    } catch (error) {
      connection.close();
      if (!(error instanceof ResultCodeError)) throw error;
      this.#preferNext();
      throw new AccountsUnavailable(`the directory does not let accounts.ldap.bind_dn in: ${wordsOf(error)}`);
    }
    return connection;
  }

  /** A connection on which nobody has signed in, to the first server that can be reached. */
  async #open(deadline: number): Promise<Connection> {
    const { urls, startTls, connectTimeout, timeout } = this.#settings;
    const failures: string[] = [];
    for (let tried = 0; tried < urls.length; tried += 1) {
      const left = deadline - Date.now();
      if (left <= 0) break;
      const url = urls[this.#preferred] as string;
      try {
        const socket = await openLdapSocket(url, {
          tls: ldapTlsOf(url, startTls),
          ca: this.#ca,
          timeout: Math.min(connectTimeout, left),
        });
        return connectionOver(socket, url, timeout);
      } catch (error) {
        failures.push(`${url}: ${wordsOf(error)}`);
        this.#preferNext();
      }
    }
    throw new AccountsUnavailable(
      `the directory cannot be reached (${failures.join('; ') || 'no time was left'})`,
    );
  }

  #preferNext(): void {
    this.#preferred = (this.#preferred + 1) % this.#settings.urls.length;
  }
}

function connectionOver(socket: Socket, url: string, timeout: number): Connection {
  let isUsed = false;
  const client = new Client({
    url: url.replace(/^ldaps:/i, 'ldap:'),
    timeout,
    createConnection: () => {
      // The library would connect again by itself, with nobody signed in and in the clear.
      if (isUsed) throw new Error('the connection to the directory is gone');
      isUsed = true;
      return socket;
    },
  });
  return {
    client,
    get isOpen() {
      return !socket.destroyed && client.isConnected;
    },
    close: () => socket.destroy(),
  };
}

/** What comes of `work`, if it comes in time; the connection is closed when it does not. `deadline` in Unix time, ms. */
async function inTime<T>(work: Promise<T>, deadline: number, connection: Connection): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        reject(new Error('the directory did not answer in time'));
        connection.close();
      },
      Math.max(0, deadline - Date.now()),
    );
  });
  try {
    return await Promise.race([work, overdue]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a server wants another one to be asked. */
function isElsewhere(error: unknown): boolean {
  return error instanceof ResultCodeError && ASK_ANOTHER.includes(error.code);
}

/** Whether an error is no answer to what was asked. */
function saysNothing(error: unknown): boolean {
  if (error instanceof AccountsUnavailable) return false;
  return !(error instanceof ResultCodeError) || isElsewhere(error);
}

function unavailable(error: unknown): AccountsUnavailable {
  if (error instanceof AccountsUnavailable) return error;
  return new AccountsUnavailable(`the directory cannot answer: ${wordsOf(error)}`, { cause: error });
}

function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join(', ');
  if (error instanceof ResultCodeError) return `result code ${error.code}, ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
