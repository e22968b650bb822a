import { isSecondGeneration, type Profile } from '../../clients/metadata/profile-metadata.ts';

/** The longest life (s) of a code (FAPI 2.0 Security Profile §5.3.2.1 item 11). */
const LONGEST_CODE_SECONDS = 60;

/** The profile that a client is held to (lib/clients); undefined for none, and where there is no client. */
export function profileOf(client: object | undefined): Profile | undefined {
  return (client as { profile?: Profile } | undefined)?.profile;
}

/** How long (s) a code of this client lives, at most as long as configured. */
export function codeLifetime(client: object | undefined, configured: number): number {
  return isSecondGeneration(profileOf(client)) ? Math.min(configured, LONGEST_CODE_SECONDS) : configured;
}
