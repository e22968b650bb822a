import { Attribute, Change } from 'ldapts';
import { ldap } from '../../config/ldap-settings.ts';
import { LdapAccountAdapter } from '../../lib/accounts/ldap/ldap-account-adapter.ts';
import { createLog } from '../../lib/observability/log.ts';
import { READER, type SlapdServer } from './slapd-server.ts';

export type LdapSettings = Parameters<typeof ldap.parse>[0] & object;

export const PASSWORD = 'a long walk at midnight';

/** People and groups of their own in a server that others use as well. */
export class LdapPeople {
  readonly server: SlapdServer;
  readonly base: string;
  readonly #open: LdapAccountAdapter[] = [];

  private constructor(server: SlapdServer, base: string) {
    this.server = server;
    this.base = base;
  }

  static async in(server: SlapdServer): Promise<LdapPeople> {
    return new LdapPeople(server, await server.addBase());
  }

  /** An adapter for these people; closed by `close`. */
  adapter(settings: LdapSettings = {}, log = createLog('silent')): LdapAccountAdapter {
    const adapter = new LdapAccountAdapter(this.settings(settings), log);
    this.#open.push(adapter);
    return adapter;
  }

  settings(settings: LdapSettings = {}): ReturnType<typeof ldap.parse> {
    return ldap.parse({
      urls: [this.server.url],
      bindDn: READER.dn,
      bindPassword: READER.password,
      baseDn: this.base,
      timeout: 20_000,
      connectTimeout: 20_000,
      ...settings,
    });
  }

  async close(): Promise<void> {
    for (const adapter of this.#open) await adapter.close();
  }

  /** Adds a person; answers their entry's name and `entryUUID`. */
  async add(
    uid: string,
    attributes: Record<string, string | string[] | Buffer> = {},
    password = PASSWORD,
  ): Promise<{ dn: string; sub: string }> {
    const dn = `cn=person-${Buffer.from(uid).toString('hex').slice(0, 40)},${this.base}`;
    const all = {
      objectClass: ['inetOrgPerson', 'extensibleObject'],
      uid,
      sn: 'Person',
      userPassword: password,
      ...attributes,
    };
    await this.server.administer((client) =>
      client.add(
        dn,
        Object.entries(all).map(
          ([type, value]) => new Attribute({ type, values: [value].flat() as string[] | Buffer[] }),
        ),
      ),
    );
    return { dn, sub: await this.#entryUuid(dn) };
  }

  /** Adds a group below `parent`; answers its name. */
  async addGroup(cn: string, members: string[], parent = this.base): Promise<string> {
    const dn = `cn=${cn},${parent}`;
    await this.server.administer((client) =>
      client.add(dn, { objectClass: ['groupOfNames'], cn: cn.replaceAll('\\', ''), member: members }),
    );
    return dn;
  }

  async replace(dn: string, type: string, values: string[]): Promise<void> {
    await this.server.administer((client) =>
      client.modify(dn, new Change({ operation: 'replace', modification: new Attribute({ type, values }) })),
    );
  }

  async remove(dn: string): Promise<void> {
    await this.server.administer((client) => client.del(dn));
  }

  /** The entry of whoever has this `entryUUID`. */
  async entryOf(sub: string): Promise<string> {
    return this.server.administer(async (client) => {
      const { searchEntries } = await client.search(this.base, {
        filter: `(entryUUID=${sub})`,
        attributes: ['1.1'],
      });
      return searchEntries[0]?.dn ?? '';
    });
  }

  async #entryUuid(dn: string): Promise<string> {
    return this.server.administer(async (client) => {
      const { searchEntries } = await client.search(dn, { scope: 'base', attributes: ['entryUUID'] });
      return searchEntries[0]?.entryUUID as string;
    });
  }
}
