import type { Entry } from 'ldapts';
import type { Configuration } from '../../../config/configuration.ts';
import type { Log } from '../../observability/log.ts';
import { type Account, AccountsUnavailable } from '../account-adapter.ts';
import { canonicalLogin } from '../canonical-login.ts';
import { attributesOf, bytesOf, type EntryAttributes, textsOf } from './entry-attributes.ts';
import { type ClaimSource, claimSource, claimsOf, updatedAt } from './entry-claims.ts';
import { isDisabled, STANDING_ATTRIBUTES } from './entry-standing.ts';
import { guidOf } from './ldap-filters.ts';

const SUB = /^[\x21-\x7e]{1,255}$/;

/** An entry that may be a person's. */
export interface EntryOfPerson {
  readonly dn: string;
  readonly attributes: EntryAttributes;
  /** Undefined when it has none, or several. */
  readonly sub: string | undefined;
  /** Whatever it may sign in with, in canonical form; the first is what it is called. */
  readonly logins: readonly string[];
}

/** Makes people of the entries of a directory, as `accounts.ldap` says. */
export class EntryReader {
  /** The attributes that entries are to be asked for. */
  readonly attributes: readonly string[];
  readonly #settings: Configuration['accounts']['ldap'];
  readonly #claims: readonly ClaimSource[];
  readonly #log: Log;
  readonly #told = new Set<string>();

  constructor(settings: Configuration['accounts']['ldap'], log: Log) {
    const { subAttribute, loginAttributes, groups } = settings;
    this.#settings = settings;
    this.#claims = settings.claims.map(claimSource);
    this.#log = log;
    this.attributes = [
      ...new Set([
        subAttribute,
        ...loginAttributes,
        ...this.#claims.map(({ attribute }) => attribute),
        ...(groups.from === 'member_of' ? ['memberOf'] : []),
        ...STANDING_ATTRIBUTES,
        'modifyTimestamp',
      ]),
    ];
  }

  read(entry: Entry): EntryOfPerson {
    const attributes = attributesOf(entry);
    const logins = this.#settings.loginAttributes
      .flatMap((attribute) => textsOf(attributes, attribute))
      .map((text) => canonicalLogin(text))
      .flatMap((canonical) => (canonical.outcome === 'canonical' ? [canonical.login] : []));
    return { dn: entry.dn, attributes, sub: this.#subOf(attributes), logins };
  }

  /** The person. Throws AccountsUnavailable when the entry has no `sub` or no login: it may be that Latchkey may not read them. */
  describe(
    { attributes, sub, logins }: EntryOfPerson,
    found: { isDisabled: boolean; groups: readonly string[] | undefined },
  ): Account {
    const [login] = logins;
    if (sub === undefined || login === undefined) {
      const missing =
        sub === undefined ? this.#settings.subAttribute : this.#settings.loginAttributes.join(', ');
      throw new AccountsUnavailable(
        `an entry of the directory has no usable ${missing}, or it cannot be read`,
      );
    }
    const claims = claimsOf(
      attributes,
      this.#claims,
      {
        ...(this.#settings.emailVerified ? { email_verified: true } : {}),
        ...(found.groups === undefined ? {} : { groups: found.groups }),
      },
      (description) => this.#tell(description),
    );
    const changed = updatedAt(attributes);
    if (changed !== undefined) claims.updated_at = changed;
    return { sub, login, disabled: found.isDisabled || isDisabled(attributes, Date.now()), claims };
  }

  #subOf(attributes: EntryAttributes): string | undefined {
    const { subAttribute } = this.#settings;
    if (subAttribute.toLowerCase() === 'objectguid') {
      const bytes = bytesOf(attributes, subAttribute);
      return bytes === undefined ? undefined : guidOf(bytes);
    }
    const [value, ...others] = textsOf(attributes, subAttribute);
    return value !== undefined && others.length === 0 && SUB.test(value) ? value : undefined;
  }

  /** Once for each: a directory has many people with the same oddity. */
  #tell(problem: string): void {
    if (this.#told.has(problem)) return;
    this.#told.add(problem);
    this.#log.warn({ problem }, 'a value of the directory is unfit for its claim and was left out');
  }
}
