/** A person, as every adapter describes one. Values are frozen: they may be shared by concurrent requests. */
export interface Account {
  /** Subject identifier (OpenID Connect Core §2): 1 to 255 ASCII characters, never reassigned. */
  readonly sub: string;
  /** What the person types to sign in, in canonical form (see canonical-login.ts). */
  readonly login: string;
  /** A disabled person can neither sign in nor use what was issued before. */
  readonly disabled: boolean;
  /** Claims by their OpenID Connect names (Core §5.1) and custom ones, without `sub`. */
  readonly claims: Readonly<Record<string, unknown>>;
}
