import { decodeJwt, decodeProtectedHeader } from 'jose';

/** What a refusal is explained from. */
export interface RefusedFacts {
  /** The code on the wire, its words, and the engine's own detail, which the wire does not carry. */
  error: string;
  description: string | undefined;
  detail: string | undefined;
  /** Parameters of the request, from query or form. */
  parameters: Readonly<Record<string, unknown>>;
  /** The DPoP proof, as it came. */
  proof: string | undefined;
  /** What the client registered, where it is known. */
  client: Readonly<Record<string, unknown>> | undefined;
  issuer: string;
}

/** How a fact is shown: a parameter by its name, a part of a JWT, or what a client registered. */
export type Shown = (facts: RefusedFacts) => string | undefined;
export type CauseRow = [pattern: RegExp, cause: string, expected: string | Shown, came?: Shown];

const LONGEST = 200;

/** What is registered or configured, in one line. */
export function told(value: unknown): string | undefined {
  const all = [value].flat().filter((each) => each !== undefined);
  return all.length === 0 ? undefined : all.join(', ').slice(0, LONGEST);
}

/** A word of the protocol, a scope, a name that somebody chose: not what is drawn at random, as secrets are. */
const WORD = /^(?=.{1,80}$)(?!.*\d.*\d.*\d.*\d)[a-z][a-z\d_:./+-]*$/;
const NUMBER = /^-?\d{1,12}$/;
const ALGORITHM = /^([A-Z]{2}\d{3}|S256|Ed25519|EdDSA|ML-DSA-\d\d|JWT|GET|POST)$/;

/**
 * What came, as far as it can be told: people put secrets into the wrong parameters. Of an address not what is beyond a
 * question mark; of anything that may be a secret its length alone.
 */
function shown(value: unknown): string | undefined {
  const all = [value].flat().filter((each) => each !== undefined);
  if (all.length === 0) return undefined;
  const words = all.flatMap((each) => String(each).split(' ')).slice(0, 20);
  return words.map(shownWord).join(' ').slice(0, LONGEST);
}

function shownWord(word: string): string {
  const url = /^https?:/.test(word) ? URL.parse(word) : null;
  if (url !== null && url.username === '' && url.password === '') {
    const path = url.pathname.split('/').map((part) => (part === '' ? '' : shownWord(part)));
    return `${url.origin}${url.pathname === '/' ? '' : path.join('/')}${url.search + url.hash === '' ? '' : '?…'}`;
  }
  return [WORD, NUMBER, ALGORITHM].some((form) => form.test(word)) ? word : `(${word.length} characters)`;
}

/** Parameters that are no secret and name nobody. Whoever adds one answers for what stands in it. */
type OpenParameter =
  | 'client_id'
  | 'response_type'
  | 'response_mode'
  | 'redirect_uri'
  | 'request_uri'
  | 'scope'
  | 'prompt'
  | 'max_age'
  | 'resource'
  | 'grant_type'
  | 'code_challenge_method'
  | 'client_assertion_type'
  | 'post_logout_redirect_uri'
  | 'audience';

/** What was sent in these parameters. */
export const parameter =
  (...names: OpenParameter[]): Shown =>
  ({ parameters }) =>
    names.map((name) => `${name}=${shown(parameters[name]) ?? 'nothing'}`).join(' ');

/** What the client has registered under these names. */
export const registered =
  (what: string, ...names: string[]): Shown =>
  ({ client }) =>
    `${what}: ${names.map((name) => told(client?.[name]) ?? 'none').join('; ')}`;

/** Members of a JWT that say what it is for, and when; never who it is about. */
const TOLD = ['typ', 'alg', 'iss', 'aud', 'iat', 'nbf', 'exp', 'htm', 'htu'] as const;

function jwtParts(token: unknown): string {
  try {
    const all: Record<string, unknown> = {
      ...decodeJwt(String(token)),
      ...decodeProtectedHeader(String(token)),
    };
    const parts = TOLD.filter((name) => all[name] !== undefined).map((name) => `${name}=${shown(all[name])}`);
    const others = ['jti', 'sub', 'nonce']
      .filter((name) => all[name] !== undefined)
      .map((name) => `a ${name}`);
    return [...parts, ...others].join(' ');
  } catch {
    return 'no JWT';
  }
}

/** What the JWT in this parameter is for, and when, by its own account. */
export const jwtIn =
  (name: 'client_assertion' | 'request' | 'id_token_hint' | 'assertion'): Shown =>
  ({ parameters }) =>
    jwtParts(parameters[name]);
/** The same of the proof of possession. */
export const proof: Shown = (facts) => jwtParts(facts.proof);
/** The time here, Unix time, s. */
export const now = () => `it is ${Math.floor(Date.now() / 1000)} now`;
/** The one audience that is meant for us. */
export const ours: Shown = ({ issuer }) => `aud=${issuer} alone`;

/** The client that asks, however it named itself. */
export const asking: Shown = ({ client }) => `client_id=${told(client?.clientId) ?? 'nothing'}`;
