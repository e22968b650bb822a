import { z } from 'zod';
import { isLoopbackHost } from '../../config/loopback.ts';
import {
  type Account,
  type AccountAdapter,
  AccountsUnavailable,
  type PasswordVerification,
} from './account-adapter.ts';
import { canonicalLogin } from './canonical-login.ts';
import { validateClaims } from './claims.ts';
import { claimsByScope } from './claims-by-scope.ts';

/** The longest answer that is read, in bytes. */
const MAXIMUM_ANSWER_BYTES = 65_536;

const accountAnswer = z
  .strictObject({
    sub: z.string().regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters'),
    login: z.string(),
    disabled: z.boolean(),
    claims: z.record(z.string(), z.unknown()),
  })
  .transform((answer, context): Account => {
    const login = canonicalLogin(answer.login);
    const { updated_at: updatedAt, ...claims } = answer.claims;
    const validation = validateClaims(claims);
    if (login.outcome === 'refused') {
      context.addIssue({ code: 'custom', path: ['login'], message: login.description });
      return z.NEVER;
    }
    if (validation.outcome === 'invalid') {
      context.addIssue({ code: 'custom', path: ['claims'], message: validation.description });
      return z.NEVER;
    }
    if (updatedAt !== undefined && !Number.isSafeInteger(updatedAt)) {
      context.addIssue({ code: 'custom', path: ['claims', 'updated_at'], message: 'must be seconds' });
      return z.NEVER;
    }
    if (updatedAt !== undefined) validation.claims.updated_at = updatedAt;
    return { sub: answer.sub, login: login.login, disabled: answer.disabled, claims: validation.claims };
  });

const findAnswer = z.strictObject({ account: accountAnswer.nullable() });
const verifyAnswer = z.discriminatedUnion('outcome', [
  z.strictObject({ outcome: z.literal('verified'), account: accountAnswer }),
  z.strictObject({
    outcome: z.literal('refused'),
    reason: z.enum(['unknown', 'wrong_password', 'disabled']),
  }),
]);

/**
 * A company's own user base behind two JSON requests (docs/account-adapter.md). Nothing is cached, so that a person
 * disabled there is disabled here with the next request. Whatever is not a well-formed answer in time is
 * `unavailable`, never a wrong password and never an unknown person.
 */
export class HttpAccountAdapter implements AccountAdapter {
  readonly #url: string;
  readonly #token: string | undefined;
  readonly #timeout: number;

  /** `timeout` in ms, for the whole exchange. Throws when `url` is missing or not https outside loopback. */
  constructor(options: { url?: string | undefined; token?: string | undefined; timeout: number }) {
    if (options.url === undefined || !URL.canParse(options.url)) {
      throw new Error('accounts.http.url: the http account adapter needs the URL of the user base');
    }
    const url = new URL(options.url);
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(url.hostname))) {
      throw new Error('accounts.http.url: must be https outside loopback, since passwords travel to it');
    }
    if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      throw new Error('accounts.http.url: has no credentials, query or fragment');
    }
    this.#url = url.href.replace(/\/+$/, '');
    this.#token = options.token;
    this.#timeout = options.timeout;
  }

  async findBySub(sub: string): Promise<Account | undefined> {
    const { account } = await this.#ask('find', { sub }, findAnswer);
    if (account !== null && account.sub !== sub) {
      throw new AccountsUnavailable('the user base answered with another sub than it was asked for');
    }
    return account ?? undefined;
  }

  async findByLogin(login: string): Promise<Account | undefined> {
    const canonical = canonicalLogin(login);
    if (canonical.outcome === 'refused') return undefined;
    return (await this.#ask('find', { login: canonical.login }, findAnswer)).account ?? undefined;
  }

  async verifyPassword(login: string, password: string): Promise<PasswordVerification> {
    const canonical = canonicalLogin(login);
    if (canonical.outcome === 'refused') return { outcome: 'refused', reason: 'unknown' };
    try {
      const answer = await this.#ask('verify', { login: canonical.login, password }, verifyAnswer);
      if (answer.outcome === 'verified' && answer.account.disabled) {
        return { outcome: 'refused', reason: 'disabled' };
      }
      return answer;
    } catch (error) {
      if (error instanceof AccountsUnavailable) return { outcome: 'unavailable', cause: error };
      throw error;
    }
  }

  async claimsFor(account: Account, scopes: ReadonlySet<string>): Promise<Record<string, unknown>> {
    return claimsByScope(account, scopes);
  }

  async #ask<Answer>(path: string, question: object, schema: z.ZodType<Answer>): Promise<Answer> {
    let body: string;
    try {
      const response = await fetch(`${this.#url}/${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        },
        body: JSON.stringify(question),
        // A redirect would carry passwords and the token to wherever it points.
        redirect: 'error',
        signal: AbortSignal.timeout(this.#timeout),
      });
      body = await readAnswer(response);
    } catch (cause) {
      if (cause instanceof AccountsUnavailable) throw cause;
      throw new AccountsUnavailable('the user base cannot be reached', { cause });
    }
    return parseAnswer(body, schema);
  }
}

async function readAnswer(response: Response): Promise<string> {
  const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (response.status !== 200 || type !== 'application/json' || response.body === null) {
    await response.body?.cancel();
    throw new AccountsUnavailable(`the user base answered ${response.status} ${type ?? 'without a type'}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > MAXIMUM_ANSWER_BYTES) {
      throw new AccountsUnavailable(`the user base answered with more than ${MAXIMUM_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseAnswer<Answer>(body: string, schema: z.ZodType<Answer>): Answer {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new AccountsUnavailable('the user base did not answer in JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') ?? '';
  throw new AccountsUnavailable(
    `the user base's answer is not valid at ${where || 'its top'}: ${issue?.message}`,
  );
}
