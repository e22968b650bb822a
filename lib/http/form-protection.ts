import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type Koa from 'koa';
import type { FormProtection } from '../interactions/interaction-pages.ts';

/**
 * Protection against cross-site form posts (RFC 9700 §4.7, ASVS 5.0 3.5.1). A form carries a MAC over what it acts on
 * (an interaction's uid, known only to the browser that holds its cookie), and a browser that tells where the post came
 * from must name our own origin.
 */
export class FormTokens implements FormProtection {
  readonly #key: KeyObject;
  readonly #origin: string;

  constructor(key: Buffer, issuer: string) {
    this.#key = createSecretKey(key);
    this.#origin = new URL(issuer).origin;
  }

  /** The hidden field's value for a form that acts on `purpose`. */
  tokenFor(purpose: string): string {
    return createHmac('sha256', this.#key).update(purpose).digest('base64url');
  }

  /** Whether the posted form is ours: its `csrf` field fits `purpose`, and its origin, if told, is the issuer's. */
  verify(ctx: Koa.Context, purpose: string): boolean {
    const origin = ctx.get('Origin');
    // "null" comes from pages with a no-referrer policy, ours among them; Sec-Fetch-Site then tells where it came from.
    if (origin !== '' && origin !== 'null' && origin !== this.#origin) return false;
    const site = ctx.get('Sec-Fetch-Site');
    if (site !== '' && site !== 'same-origin' && site !== 'none') return false;
    const given = (ctx.request as { body?: Record<string, unknown> }).body?.csrf;
    if (typeof given !== 'string') return false;
    const expected = Buffer.from(this.tokenFor(purpose));
    const actual = Buffer.from(given);
    return expected.length === actual.length && timingSafeEqual(expected, actual);
  }
}
