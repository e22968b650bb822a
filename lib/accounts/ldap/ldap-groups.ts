import type { Entry } from 'ldapts';
import type { Configuration } from '../../../config/configuration.ts';
import { isBelow, ownName } from './distinguished-name.ts';
import { attributesOf, type EntryAttributes, textsOf } from './entry-attributes.ts';
import type { LdapDirectory } from './ldap-directory.ts';
import { anyOf, both, configuredFilter, memberInChain } from './ldap-filters.ts';

/** How many groups one search asks about, and how deep groups in groups are followed. */
const GROUPS_AT_ONCE = 100;
const DEEPEST_NESTING = 20;

type Settings = Configuration['accounts']['ldap'];

/** Which groups people are in, by names. */
export class LdapGroups {
  readonly #directory: LdapDirectory;
  readonly #settings: Settings;
  readonly #base: string;

  /** Throws ConfigurationError for a filter that is none. */
  constructor(directory: LdapDirectory, settings: Settings) {
    this.#directory = directory;
    this.#settings = settings;
    this.#base = settings.groups.baseDn ?? settings.baseDn ?? '';
    this.#filter();
  }

  /** The names of a person's groups in their order; undefined when groups are not asked for. Throws AccountsUnavailable. */
  async of(person: { dn: string; attributes: EntryAttributes }): Promise<string[] | undefined> {
    const { from, nameAttribute } = this.#settings.groups;
    if (from === 'none') return undefined;
    const names =
      from === 'member_of'
        ? textsOf(person.attributes, 'memberOf')
            .filter((dn) => isBelow(dn, this.#base))
            .map(ownName)
        : (await this.#search(person)).map((entry) => textsOf(attributesOf(entry), nameAttribute)[0]);
    return [...new Set(names.filter((name) => name !== undefined))].sort();
  }

  async #search({ dn, attributes }: { dn: string; attributes: EntryAttributes }): Promise<Entry[]> {
    const { memberAttribute, memberValue, nesting } = this.#settings.groups;
    if (nesting === 'chain') return this.#find(memberInChain(memberAttribute, dn));
    const [login] = this.#settings.loginAttributes.flatMap((attribute) => textsOf(attributes, attribute));
    const member = memberValue === 'dn' ? dn : login;
    if (member === undefined) return [];
    const found = new Map<string, Entry>();
    let level = await this.#find(anyOf([memberAttribute], [member]));
    for (let depth = 0; level.length > 0 && depth < DEEPEST_NESTING; depth += 1) {
      const fresh = level.filter(({ dn: name }) => !found.has(name.toLowerCase()));
      for (const entry of fresh) found.set(entry.dn.toLowerCase(), entry);
      level = nesting === 'walk' ? await this.#groupsOf(fresh) : [];
    }
    return [...found.values()];
  }

  async #groupsOf(members: readonly Entry[]): Promise<Entry[]> {
    const groups: Entry[] = [];
    for (let from = 0; from < members.length; from += GROUPS_AT_ONCE) {
      const names = members.slice(from, from + GROUPS_AT_ONCE).map(({ dn }) => dn);
      groups.push(...(await this.#find(anyOf([this.#settings.groups.memberAttribute], names))));
    }
    return groups;
  }

  #find(members: Parameters<typeof both>[0]): Promise<Entry[]> {
    return this.#directory.search(this.#base, {
      scope: 'sub',
      filter: both(this.#filter(), members),
      attributes: [this.#settings.groups.nameAttribute],
      paged: { pageSize: this.#settings.pageSize },
    });
  }

  #filter() {
    return configuredFilter('groups.filter', this.#settings.groups.filter);
  }
}
