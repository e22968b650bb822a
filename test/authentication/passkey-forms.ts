import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server';
import { expect } from 'chai';
import type { FormBrowser, Landing } from '../flows/form-browser.ts';
import { formOf, post } from '../interactions/page-forms.ts';
import { type Behaviour, SoftwareAuthenticator } from './software-authenticator.ts';

/** Gets what the page's form for passkeys asks for, as its script does. */
export async function optionsOf<Options = PublicKeyCredentialCreationOptionsJSON>(
  browser: FormBrowser,
  landing: Landing,
): Promise<Options> {
  const tag = /<form[^>]*data-passkey=[^>]*>/.exec(landing.page)?.[0] ?? '';
  const address = (/data-options="([^"]+)"/.exec(tag)?.[1] ?? '').replaceAll('&amp;', '&');
  const answer = await post(browser, address, { csrf: formOf(landing, 'passkey').csrf });
  expect(answer.status, `options on ${landing.pageName}`).to.equal(200);
  return (await answer.json()) as Options;
}

/** Makes a passkey on a page that asks for a new one; answers where that led, and the authenticator. */
export async function makePasskey(
  browser: FormBrowser,
  landing: Landing,
  behaviour: Behaviour = {},
): Promise<{ landing: Landing; authenticator: SoftwareAuthenticator; credential: string }> {
  const authenticator = new SoftwareAuthenticator({ origin: landing.url.origin });
  const credential = JSON.stringify(authenticator.make(await optionsOf(browser, landing), behaviour));
  return { landing: await browser.submit(landing, 'passkey', { credential }), authenticator, credential };
}

/** Uses a passkey on a page that asks for one. */
export async function answerWith(
  browser: FormBrowser,
  landing: Landing,
  authenticator: SoftwareAuthenticator,
  behaviour: Behaviour = {},
): Promise<Landing> {
  const credential = JSON.stringify(
    authenticator.get(await optionsOf<PublicKeyCredentialRequestOptionsJSON>(browser, landing), behaviour),
  );
  return browser.submit(landing, 'passkey', { credential });
}
