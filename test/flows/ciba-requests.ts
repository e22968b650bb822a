import { expect } from 'chai';
import { ADA, type Answer, type Application, type Credentials } from './application.ts';
import type { FormBrowser, Landing } from './form-browser.ts';

const CIBA_GRANT = 'urn:openid:params:grant-type:ciba';
/** What turns it on, and lets a test hear the notices. */
export const ON = {
  LATCHKEY_FEATURES_CIBA_ENABLED: 'true',
  LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback',
  LATCHKEY_NOTIFICATIONS_FIRST_RETRY: '1',
};
/** A registration that polls. */
export const POLLING = {
  client_name: 'Counter',
  redirect_uris: [],
  grant_types: [CIBA_GRANT, 'refresh_token'],
  backchannel_token_delivery_mode: 'poll',
};

export interface Asked {
  auth_req_id: string;
  expires_in: number;
  interval: number;
}

/** Asks for a sign-in, whatever comes of it. */
export const attempt = (app: Application, parameters: Record<string, string> = {}): Promise<Answer> =>
  app.post('/backchannel', { scope: 'openid', login_hint: ADA.login, ...parameters });

/** Asks for a sign-in, which must be taken. */
export async function ask(app: Application, parameters: Record<string, string> = {}): Promise<Asked> {
  const { status, body } = await attempt(app, parameters);
  if (status !== 200) throw new Error(`not asked: ${status} ${JSON.stringify(body)}`);
  return body as Asked;
}

export const poll = (app: Application, { auth_req_id }: Pick<Asked, 'auth_req_id'>): Promise<Answer> =>
  app.token({ grant_type: CIBA_GRANT, auth_req_id });

/** `tokens`, or the error. */
export const outcomeOf = ({ status, body }: Answer): string =>
  status === 200 ? 'tokens' : String(body.error);

/** Opens the page of requests, signing in where that is asked for. */
export async function requestsPage(browser: FormBrowser, person: Credentials = ADA): Promise<Landing> {
  let landing = await browser.visit('/account/requests');
  if (landing.pageName === 'login') landing = await browser.submit(landing, 'submit', { ...person });
  expect(landing.pageName, landing.page).to.equal('account-requests');
  return landing;
}
