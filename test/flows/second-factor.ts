import { Secret, TOTP } from 'otpauth';
import type { Application, Credentials } from './application.ts';
import { answerIn } from './application.ts';
import type { FormBrowser, Landing } from './form-browser.ts';

/** What `acr` tells of several factors. */
export const MFA = 'https://refeds.org/profile/mfa';
export const SFA = 'https://refeds.org/profile/sfa';

const PERIOD = 30_000;

/** The code of that secret at a time (Unix time, ms), for a server whose clock is set. */
export function codeAt(secret: string, timestamp: number): string {
  return new TOTP({ secret: Secret.fromBase32(secret.replaceAll(' ', '')) }).generate({ timestamp });
}

/** An authenticator app, which never shows the same code twice: each call is one step ahead of the one before, from the present one on. */
export class AuthenticatorApp {
  readonly #totp: TOTP;
  #lastStep = 0;

  constructor(secret: string) {
    this.#totp = new TOTP({ secret: Secret.fromBase32(secret.replaceAll(' ', '')) });
  }

  /** A code that was not shown before and that is accepted now. */
  code(): string {
    const present = Math.floor(Date.now() / PERIOD);
    // One step back is accepted as well, but a page may be sent when that is two.
    const step = Math.max(present, this.#lastStep + 1);
    if (step > present + 1) throw new Error('no further code is accepted yet');
    this.#lastStep = step;
    return this.#totp.generate({ timestamp: step * PERIOD });
  }
}

/** The secret that a page shows as text. */
export function secretOn({ page }: Landing): string {
  return /<code id="secret">([^<]+)<\/code>/.exec(page)?.[1] ?? '';
}

/** The recovery codes that a page shows. */
export function codesOn({ page }: Landing): string[] {
  return [...page.matchAll(/<li><code>([A-Z0-9-]+)<\/code><\/li>/g)].map(([, code]) => code ?? '');
}

/** Sets up an authenticator app for somebody, at an application that demands it. */
export async function enrol(
  strict: Application,
  browser: FormBrowser,
  person: Credentials,
): Promise<{ phone: AuthenticatorApp; codes: string[] }> {
  const { landing } = await strict.authorize(browser, {}, person);
  const phone = new AuthenticatorApp(secretOn(landing));
  const shown = await browser.submit(landing, 'submit', { code: phone.code() });
  const codes = codesOn(shown);
  if (codes.length === 0) throw new Error(`no recovery codes on ${shown.pageName}:\n${shown.page}`);
  await browser.submit(shown, 'submit');
  return { phone, codes };
}

/** Consents if asked, and redeems the code. */
export async function finishSignIn(
  app: Application,
  browser: FormBrowser,
  { landing, verifier }: { landing: Landing; verifier: string },
) {
  const last = landing.pageName === 'consent' ? await browser.submit(landing, 'approve') : landing;
  const { code = '' } = answerIn(last);
  const answer = await app.redeem({ code, verifier });
  if (answer.status !== 200)
    throw new Error(`no tokens after ${last.url.href}: ${JSON.stringify(answer.body)}\n${last.page}`);
  return answer.body as { id_token: string; access_token: string; refresh_token: string };
}
