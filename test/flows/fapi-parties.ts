import { decodeJwt } from 'jose';
import { writeCertificates } from '../redis/test-certificates.ts';
import { ADA, type Answer } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { ProfiledApplication } from './profiled-application.ts';

/** An API whose tokens every profile allows. */
export const API = 'https://bank.example.com';
/** One whose tokens are signed with RS256. */
export const OLD_API = 'https://old.example.com';
export const now = () => Math.floor(Date.now() / 1000);

/** The endpoint's error code and the words for the developer; empty for none. */
export const refusal = ({ body }: Answer) =>
  [body.error, body.error_description, body.error_detail].filter(Boolean).join(': ');

/** The error that a browser was sent on with, or shown; empty for none. */
export function told(landing: Landing): string {
  const parameters = new URLSearchParams(landing.url.search || landing.url.hash.slice(1));
  const response = parameters.get('response');
  const { error, error_description: words } =
    response === null ? Object.fromEntries(parameters) : (decodeJwt(response) as Record<string, string>);
  if (error !== undefined) return `${error}: ${words}`;
  return landing.pageName === 'error' ? landing.page : '';
}

/** What `startFapi` has started. */
export type FapiParties = Awaited<ReturnType<typeof startFapi>>;

/** A server, an application of each profile, and ways through a browser. */
export async function startFapi() {
  const files = writeCertificates();
  const latchkey = await LatchkeyProcess.start({
    LATCHKEY_FEATURES_RESPONSE_TYPES: 'all',
    LATCHKEY_FEATURES_CODE_CHALLENGES: 'public_clients',
    LATCHKEY_FEATURES_ASSERTION_AUDIENCES: 'endpoints',
    LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'proxy',
    LATCHKEY_TRUSTED_PROXIES: 'loopback',
  });
  const [security, signing, advanced, hybrid] = await Promise.all([
    ProfiledApplication.register(latchkey, { profile: 'fapi2-security' }),
    ProfiledApplication.register(latchkey, { profile: 'fapi2-message-signing' }),
    ProfiledApplication.register(latchkey, { profile: 'fapi1-advanced' }, files.clientCertificate),
    ProfiledApplication.register(
      latchkey,
      {
        profile: 'fapi1-advanced',
        response_types: ['code id_token'],
        grant_types: ['authorization_code', 'implicit'],
      },
      files.clientCertificate,
    ),
    latchkey.createPerson(ADA.login, ADA.password),
    latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'pay']),
    latchkey.json(['apis', 'create', '--identifier', OLD_API, '--scopes', 'pay', '--algorithm', 'RS256']),
  ]);

  const browse = (url: URL) => new FormBrowser(latchkey.issuer).authorize(url, ADA);
  const visit = async (url: URL) => told(await new FormBrowser(latchkey.issuer).visit(url));
  const pushed = async (app: ProfiledApplication, parameters: Record<string, string>) => {
    const { body } = await app.push(parameters);
    return browse(app.url({ request_uri: body.request_uri }));
  };
  const signed = async (
    app: ProfiledApplication,
    parameters: Record<string, string> = {},
    ...changes: Parameters<typeof app.requestObject> extends [unknown, ...infer Rest] ? Rest : never
  ) => ({
    client_id: app.clientId,
    request: await app.requestObject(app.parameters({ response_mode: 'jwt', ...parameters }), ...changes),
  });

  return {
    ...{ latchkey, files, security, signing, advanced, hybrid, browse, visit, pushed, signed },
    stop: async () => {
      await latchkey.stop();
      files.remove();
    },
  };
}
