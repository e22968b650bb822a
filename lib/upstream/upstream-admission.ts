import type { UpstreamProviderSettings } from '../../config/upstream-settings.ts';
import type { Account, AccountAdapter } from '../accounts/account-adapter.ts';
import { canonicalLogin } from '../accounts/canonical-login.ts';
import type { Log } from '../observability/log.ts';
import { mappedClaims, mappedGroups, vouchedEmail } from './mapped-person.ts';
import { linkIn, type UpstreamIdentities, type UpstreamIdentity } from './upstream-identities.ts';

/** Whom an identity lets in. */
export type Admission =
  | { outcome: 'known'; account: Account }
  /** An account was made just now. */
  | { outcome: 'created'; account: Account }
  /** Nobody here yet: whoever proves an account here may link it. */
  | { outcome: 'unlinked' }
  /** The account may not be used. */
  | { outcome: 'disabled' };

/** What admission works with. */
export interface AdmissionRooms {
  accounts: AccountAdapter;
  identities: UpstreamIdentities;
  /** Whether somebody's record has this address. */
  hasEmail(email: string): Promise<boolean>;
  log: Log;
}

interface Identified {
  identity: UpstreamIdentity;
  settings: UpstreamProviderSettings;
  claims: Readonly<Record<string, unknown>>;
}

/** Claims by which a provider's word differs from the record. */
function changesOf({ claims: present }: Account, { settings, claims }: Identified): Record<string, unknown> {
  const groups = mappedGroups(settings, claims, present.groups);
  const wanted = { ...mappedClaims(settings, claims), ...(groups === undefined ? {} : { groups }) };
  const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
  return Object.fromEntries(
    Object.entries(wanted).filter(
      ([name, value]) =>
        !same(value, present[name]) &&
        !(name === 'groups' && groups?.length === 0 && present.groups === undefined),
    ),
  );
}

async function updated(
  { accounts, log }: AdmissionRooms,
  account: Account,
  identified: Identified,
): Promise<Account> {
  const { directory } = accounts;
  const claims = changesOf(account, identified);
  if (directory === undefined || !identified.settings.updates || Object.keys(claims).length === 0)
    return account;
  const update = await directory.update(account.sub, { claims });
  if (update.outcome === 'updated') return update.account;
  // Too long together, say: the person signs in as they were.
  log.warn({ reason: update.outcome }, 'what an upstream provider tells of somebody cannot be kept');
  return account;
}

/** The login of a new account, and the address; undefined when the provider does not vouch for what it would be made from. */
function newPerson({
  settings,
  claims,
}: Identified): { login: string; email: string | undefined } | undefined {
  if (settings.provisioning === 'off') return undefined;
  const email = vouchedEmail(settings, claims);
  const { login_claim: claim, allowed_domains: domains } = settings;
  // Whoever chooses another claim vouches for it; an address that nobody has confirmed could be anybody's.
  const login = claim === 'email' ? email : claims[claim];
  if (typeof login !== 'string' || canonicalLogin(login).outcome === 'refused') return undefined;
  if (domains.length > 0) {
    const domain = email?.slice(email.lastIndexOf('@') + 1).toLowerCase();
    if (domain === undefined || !domains.includes(domain)) return undefined;
  }
  return { login, email };
}

/**
 * Whom an identity lets in, and what its provider tells of them, where that is to follow. A new account and its link are one
 * write; it never takes over a login that somebody has. Throws AccountsUnavailable.
 */
export async function admit(rooms: AdmissionRooms, identified: Identified): Promise<Admission> {
  const { accounts, identities } = rooms;
  const { identity, settings, claims } = identified;
  const linked = await identities.find(identity);
  if (linked !== undefined) {
    const account = await accounts.findBySub(linked.sub);
    if (account?.disabled === true) return { outcome: 'disabled' };
    if (account !== undefined) {
      if (!(await identities.noteUse(identity, account.sub))) return { outcome: 'unlinked' };
      return { outcome: 'known', account: await updated(rooms, account, identified) };
    }
    // Somebody who is no more keeps nobody out. Where others keep people, whoever proves to be somebody else there has it first.
    if (accounts.directory !== undefined) await identities.unlink(linked.sub, identity, { keepsLast: false });
  }
  const person = newPerson(identified);
  const { directory } = accounts;
  if (person === undefined || directory === undefined) return { outcome: 'unlinked' };
  const { login, email } = person;
  if ((await accounts.findByLogin(login)) !== undefined) return { outcome: 'unlinked' };
  if (email !== undefined && (await rooms.hasEmail(email))) return { outcome: 'unlinked' };
  const groups = mappedGroups(settings, claims, undefined);
  const created = await directory.create(
    {
      login,
      claims: {
        ...mappedClaims(settings, claims),
        ...(email === undefined ? {} : { email, email_verified: true }),
        ...(groups === undefined || groups.length === 0 ? {} : { groups }),
      },
    },
    async (transaction, now, sub) => {
      const canonical = canonicalLogin(login);
      if (canonical.outcome === 'refused') return false;
      const owner = await transaction
        .selectFrom('accounts')
        .select('sub')
        .where('login', '=', canonical.login)
        .executeTakeFirst();
      return owner === undefined && (await linkIn(transaction, now, identity, sub));
    },
  );
  if (created.outcome === 'created') {
    await identities.noteUse(identity, created.account.sub);
    return { outcome: 'created', account: created.account };
  }
  // Another tab was faster; or somebody else has this login.
  const since = await identities.find(identity);
  const account = since === undefined ? undefined : await accounts.findBySub(since.sub);
  return account?.disabled === false ? { outcome: 'known', account } : { outcome: 'unlinked' };
}
