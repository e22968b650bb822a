/**
 * What a sign-in can be worth, weakest first; each stands for itself and for all before it. The names are those of the
 * REFEDS profiles for one and for several factors, and of OpenID Connect Extended Authentication Profile §2 for factors
 * that cannot be phished.
 */
export const ACR_VALUES = [
  'https://refeds.org/profile/sfa',
  'https://refeds.org/profile/mfa',
  'phr',
  'phrh',
] as const;

export type Acr = (typeof ACR_VALUES)[number];
