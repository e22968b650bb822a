import { randomBytes } from 'node:crypto';
import type { Entry, Filter } from 'ldapts';
import type { Configuration } from '../../../config/configuration.ts';
import type { Log } from '../../observability/log.ts';
import {
  type Account,
  type AccountAdapter,
  AccountsUnavailable,
  type PasswordVerification,
} from '../account-adapter.ts';
import { canonicalLogin } from '../canonical-login.ts';
import { claimsByScope } from '../claims-by-scope.ts';
import { type EntryOfPerson, EntryReader } from './entry-reader.ts';
import { LdapDirectory } from './ldap-directory.ts';
import { anyOf, both, configuredFilter, withSub } from './ldap-filters.ts';
import { LdapGroups } from './ldap-groups.ts';
import { RefusalPace } from './refusal-pace.ts';

/** Entries that a look-up reads at most. Several match when a directory takes letters for alike that we do not. */
const MOST_ENTRIES = 20;

type Settings = Configuration['accounts']['ldap'];

interface Person {
  dn: string;
  account: Account;
}

/**
 * People in an LDAP directory or Active Directory (RFC 4511). Nothing is cached, so that a person disabled there is disabled here
 * with the next request. Passwords are judged by a bind of the person's own; what is no judgement is `unavailable`.
 */
export class LdapAccountAdapter implements AccountAdapter {
  readonly #settings: Settings;
  readonly #directory: LdapDirectory;
  readonly #groups: LdapGroups;
  readonly #people: Filter;
  readonly #disabled: Filter | undefined;
  readonly #reader: EntryReader;
  readonly #base: string;
  readonly #pace = new RefusalPace();

  /** Connects with the first question. Throws ConfigurationError for a filter that is none. */
  constructor(settings: Settings, log: Log) {
    this.#settings = settings;
    this.#directory = new LdapDirectory(settings);
    this.#groups = new LdapGroups(this.#directory, settings);
    this.#people = configuredFilter('user_filter', settings.userFilter);
    this.#disabled =
      settings.disabledFilter === undefined
        ? undefined
        : configuredFilter('disabled_filter', settings.disabledFilter);
    this.#reader = new EntryReader(settings, log);
    this.#base = settings.baseDn ?? '';
  }

  async findBySub(sub: string): Promise<Account | undefined> {
    const filter = withSub(this.#settings.subAttribute, sub);
    if (filter === undefined) return undefined;
    return (await this.#find(filter, (person) => person.sub === sub))?.account;
  }

  async findByLogin(login: string): Promise<Account | undefined> {
    const canonical = canonicalLogin(login);
    return canonical.outcome === 'refused' ? undefined : (await this.#findByLogin(canonical.login))?.account;
  }

  async verifyPassword(login: string, password: string): Promise<PasswordVerification> {
    try {
      return await this.#verifyPassword(login, password);
    } catch (error) {
      if (error instanceof AccountsUnavailable) return { outcome: 'unavailable', cause: error };
      throw error;
    }
  }

  async claimsFor(account: Account, scopes: ReadonlySet<string>): Promise<Record<string, unknown>> {
    return claimsByScope(account, scopes);
  }

  close(): Promise<void> {
    return this.#directory.close();
  }

  async #verifyPassword(login: string, password: string): Promise<PasswordVerification> {
    // From before the search: of somebody who is there, it goes on to their groups.
    const begun = performance.now();
    const canonical = canonicalLogin(login);
    const person = canonical.outcome === 'refused' ? undefined : await this.#findByLogin(canonical.login);
    // A bind without a password succeeds for everybody (RFC 4513 section 5.1.2), and some hashes end at a NUL.
    const isJudged =
      person !== undefined && password !== '' && !password.includes('\0') && password.isWellFormed();
    const verdict = await this.#directory.judge(
      isJudged ? person.dn : `cn=${randomBytes(8).toString('hex')},${this.#base}`,
      isJudged ? password : randomBytes(8).toString('hex'),
    );
    const took = performance.now() - begun;
    if (isJudged && verdict.outcome === 'proven') {
      if (person.account.disabled) return { outcome: 'refused', reason: 'disabled' };
      return { outcome: 'verified', account: person.account };
    }
    if (isJudged && verdict.outcome === 'refused' && verdict.reason === 'wrong_password')
      this.#pace.remember(took);
    else await this.#pace.keep(took);
    if (person === undefined) return { outcome: 'refused', reason: 'unknown' };
    return {
      outcome: 'refused',
      reason: isJudged && verdict.outcome === 'refused' ? verdict.reason : 'wrong_password',
    };
  }

  /**
   * Only who has the login as we write it: directories take more letters for alike (RFC 4518), and each such spelling would be
   * a login of its own to whoever counts failures.
   */
  #findByLogin(login: string): Promise<Person | undefined> {
    const filter = anyOf(this.#settings.loginAttributes, [login]);
    return this.#find(filter, ({ logins }) => logins.includes(login));
  }

  async #find(filter: Filter, isMeant: (person: EntryOfPerson) => boolean): Promise<Person | undefined> {
    const people = both(this.#people, filter);
    const [entries, disabled] = await Promise.all([
      this.#search(people, this.#reader.attributes),
      this.#disabled === undefined ? [] : this.#search(both(people, this.#disabled), ['1.1']),
    ]);
    const [one, another] = entries.map((entry) => this.#reader.read(entry)).filter(isMeant);
    if (another !== undefined) throw new AccountsUnavailable('several entries of the directory are meant');
    if (one === undefined) {
      if (entries.length >= MOST_ENTRIES) throw new AccountsUnavailable('too many entries are alike');
      return undefined;
    }
    const account = this.#reader.describe(one, {
      isDisabled: disabled.some(({ dn }) => dn === one.dn),
      groups: await this.#groups.of(one),
    });
    return { dn: one.dn, account };
  }

  #search(filter: Filter, attributes: readonly string[]): Promise<Entry[]> {
    return this.#directory.search(this.#base, {
      scope: 'sub',
      filter,
      attributes: [...attributes],
      sizeLimit: MOST_ENTRIES,
      explicitBufferAttributes: ['objectGUID'],
    });
  }
}
