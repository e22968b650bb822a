import type { Answer, Application, Credentials } from './application.ts';
import { ADA } from './application.ts';
import type { FormBrowser, Landing } from './form-browser.ts';

export const DEVICE_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/** What a client registers that runs on a device without a browser. */
export const DEVICE_CLIENT = {
  client_name: 'Television',
  redirect_uris: [],
  grant_types: [DEVICE_CODE_GRANT, 'refresh_token'],
  token_endpoint_auth_method: 'none',
};

/** RFC 8628 §3.2. */
export interface DeviceAuthorization {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string;
  expires_in: number;
  interval: number;
}

/** Asks for a code as a device does; throws when there is none. */
export async function askForDevice(
  app: Application,
  parameters: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<DeviceAuthorization> {
  const { status, body } = await app.post('/device/auth', { scope: 'openid', ...parameters }, headers);
  if (status !== 200) throw new Error(`no device code: ${status} ${JSON.stringify(body)}`);
  return body as DeviceAuthorization;
}

/** Asks whether somebody has answered. */
export function poll(
  app: Application,
  { device_code }: Pick<DeviceAuthorization, 'device_code'>,
): Promise<Answer> {
  return app.token({ grant_type: DEVICE_CODE_GRANT, device_code });
}

/** Types the code; answers the page that follows. */
export async function enterCode(browser: FormBrowser, userCode: string): Promise<Landing> {
  return browser.submit(await browser.visit('/device'), 'submit', { user_code: userCode });
}

/** Lets the device in: types the code, confirms, signs in and consents as asked. Answers the last page. */
export async function letIn(
  browser: FormBrowser,
  userCode: string,
  person: Credentials = ADA,
): Promise<Landing> {
  let landing = await browser.submit(await enterCode(browser, userCode), 'approve');
  for (let step = 0; step < 4; step += 1) {
    if (landing.pageName === 'login') landing = await browser.submit(landing, 'submit', { ...person });
    else if (landing.pageName === 'consent') landing = await browser.submit(landing, 'approve');
    else break;
  }
  return landing;
}
