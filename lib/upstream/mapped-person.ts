import type { UpstreamProviderSettings } from '../../config/upstream-settings.ts';
import { validateClaims } from '../accounts/claims.ts';
import { FEDERATED } from '../authentication/assurance.ts';

type Claims = Readonly<Record<string, unknown>>;

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value : undefined;

/**
 * What the provider tells in its ID token and in userinfo, which is the later word. Whether an address is verified goes for the address
 * beside which it is said: userinfo may have another one.
 */
export function toldClaims(idToken: Claims, userinfo: Claims): Claims {
  const told = { ...idToken, ...userinfo };
  const isOfOneAddress = userinfo.email === undefined || userinfo.email === idToken.email;
  return isOfOneAddress ? told : { ...told, email_verified: userinfo.email_verified };
}

/** The person's claims here, as the provider's settings map them; what cannot be a claim here is left out. */
export function mappedClaims({ claims: mapping }: UpstreamProviderSettings, claims: Claims): Claims {
  const mapped: Record<string, unknown> = {};
  for (const [here, there] of Object.entries(mapping)) {
    const value = claims[there];
    if (value === undefined || value === null || value === '') continue;
    if (validateClaims({ [here]: value }).outcome === 'valid') mapped[here] = value;
  }
  return mapped;
}

/**
 * The person's groups here: those that the settings map follow what the provider tells, every other one stays. Undefined when
 * no groups are mapped, or the provider told nothing of them.
 */
export function mappedGroups(
  { groups }: UpstreamProviderSettings,
  claims: Claims,
  present: unknown,
): string[] | undefined {
  const told = groups === undefined ? undefined : claims[groups.claim];
  if (groups === undefined || !Array.isArray(told)) return undefined;
  const mapped = new Set(Object.values(groups.map));
  const kept = Array.isArray(present) ? present.filter((group) => !mapped.has(String(group))) : [];
  const theirs = Object.entries(groups.map)
    .filter(([there]) => told.includes(there))
    .map(([, here]) => here);
  return [...new Set([...kept.map(String), ...theirs])];
}

/** The address that the provider vouches for, to the operator's satisfaction. */
export function vouchedEmail(settings: UpstreamProviderSettings, claims: Claims): string | undefined {
  if (!settings.trust_email_verified || claims.email_verified !== true) return undefined;
  const email = text(claims.email);
  return validateClaims({ email }).outcome === 'valid' ? email : undefined;
}

/** What the person knows the identity by. */
export function labelFor(claims: Claims, subject: string): string {
  return text(claims.email) ?? text(claims.preferred_username) ?? text(claims.name) ?? subject;
}

/** What was proved, as `amr` values (RFC 8176): what the operator believes of what the provider says in its ID token. */
export function methodsOf(
  { trusted_amr: trustedAmr, trusted_acr: trustedAcr }: UpstreamProviderSettings,
  idToken: Claims,
): string[] {
  const { amr, acr } = idToken;
  const told = Array.isArray(amr) ? amr.filter((method) => trustedAmr.includes(method)) : [];
  const worth = typeof acr === 'string' && Object.hasOwn(trustedAcr, acr) ? (trustedAcr[acr] ?? []) : [];
  return [...new Set([FEDERATED, ...told, ...worth])];
}
