import type { Configuration } from './configuration.ts';
import { isLoopbackHost } from './loopback.ts';

/** RFC 9700 §2.1.1: whoever sees the code of a public client without PKCE may redeem it. Nobody is to run into that by a setting. */
export function certificationProblems({ issuer, features }: Configuration): string[] {
  if (features.codeChallenges !== 'optional' || isLoopbackHost(new URL(issuer).hostname)) return [];
  return [
    'features.code_challenges (LATCHKEY_FEATURES_CODE_CHALLENGES): "optional" is for certification runs, which only an issuer on loopback may have',
  ];
}
