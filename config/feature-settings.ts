import { z } from 'zod';
import { ciba } from './ciba-settings.ts';
import { path, seconds } from './setting-traits.ts';

const offOptionalRequired = z.enum(['off', 'optional', 'required']);

/** Which extensions of the protocol are on. */
export const features = z.strictObject({
  profile: z
    .enum(['none', 'fapi2-security', 'fapi2-message-signing', 'fapi1-advanced', 'fapi-ciba'])
    .default('none')
    .describe(
      'Holds every client to a profile of FAPI, as `profile` in its registration holds that one: what the profile asks for is on, what it forbids is refused.',
    ),
  responseTypes: z
    .enum(['code', 'all'])
    .default('code')
    .describe(
      '`all` adds the hybrid and implicit flows: for certification runs only (RFC 9700 section 2.1.2).',
    ),
  codeChallenges: z
    .enum(['required', 'public_clients', 'optional'])
    .default('required')
    .describe(
      'Who must use PKCE (RFC 7636): every client, or with `public_clients` those alone that cannot authenticate: for certification runs, and for older applications, which should send a `nonce` then (RFC 9700 section 2.1.1). `optional` is for certification runs alone: only an issuer on loopback may have it.',
    ),
  assertionAudiences: z
    .enum(['issuer', 'endpoints'])
    .default('issuer')
    .describe(
      'What assertions that authenticate clients must be meant for: the issuer alone (RFC 7523bis), or with `endpoints` that, the token endpoint or the endpoint that is called (OpenID Connect Core section 9): for certification runs and older applications. FAPI 2.0 clients keep to the issuer.',
    ),
  pushedRequests: z
    .enum(['optional', 'required'])
    .default('optional')
    .describe('Pushed authorization requests (RFC 9126); `required` refuses every other one.'),
  requestObjects: offOptionalRequired
    .default('optional')
    .describe('Signed authorization requests by value (RFC 9101); `required` refuses unsigned ones.'),
  requestUris: z
    .boolean()
    .default(false)
    .describe(
      'Signed authorization requests by reference: `request_uri` may be one of the https addresses that the client registered as `request_uris`, and the request is fetched from there (OpenID Connect Core section 6.2, RFC 9101 section 5.2).',
    ),
  claimsParameter: z
    .boolean()
    .default(true)
    .describe('The `claims` parameter: single claims by name (OpenID Connect Core section 5.5).'),
  jwtResponses: z
    .boolean()
    .default(true)
    .describe('Signed authorization responses, for clients that registered such a response mode (JARM).'),
  jwtUserinfo: z
    .boolean()
    .default(true)
    .describe('Signed userinfo, for clients that registered for it (OpenID Connect Core section 5.3.2).'),
  jwtIntrospection: z
    .boolean()
    .default(true)
    .describe('Signed introspection responses, for callers that ask for them (RFC 9701).'),
  encryption: z
    .boolean()
    .default(false)
    .describe(
      'Encrypted ID tokens, userinfo, responses and request objects (RFC 7516), for clients that registered keys for it.',
    ),
  webMessage: z
    .boolean()
    .default(false)
    .describe(
      '`response_mode=web_message`: answers to a window or frame of the client (an individual draft).',
    ),
  pairwiseSubjects: z
    .boolean()
    .default(true)
    .describe(
      'Lets clients register `subject_type` `pairwise`: a person’s `sub` then differs from sector to sector (OpenID Connect Core section 8).',
    ),
  dpopNonces: offOptionalRequired
    .default('optional')
    .describe(
      'Nonces in DPoP proofs (RFC 9449 section 8): `optional` offers them to clients that use DPoP, `required` refuses proofs without.',
    ),
  deviceFlow: z
    .boolean()
    .default(true)
    .describe(
      'The device authorization grant (RFC 8628), for clients that registered it: signing in on a device without a browser.',
    ),
  ciba: ciba.prefault({}).describe('Sign-in that an application asks for and a person confirms elsewhere.'),
  backchannelLogout: z
    .boolean()
    .default(true)
    .describe(
      'Tells applications that registered for it, from server to server, that a session has ended (OpenID Connect Back-Channel Logout).',
    ),
  frontchannelLogout: z
    .boolean()
    .default(false)
    .describe(
      'Loads, in hidden frames of the page after a logout, the addresses that applications registered for it (OpenID Connect Front-Channel Logout). Browsers that keep third-party cookies apart make it unreliable.',
    ),
  sessionManagement: z
    .boolean()
    .default(false)
    .describe(
      'Lets applications watch in a hidden frame whether the session has changed (OpenID Connect Session Management). Unreliable for the same reason; for certification and older applications.',
    ),
  mutualTls: z
    .strictObject({
      certificates: z
        .enum(['off', 'tls', 'proxy'])
        .default('off')
        .describe(
          'Where certificates of clients come from (RFC 8705): `tls` asks for them on Latchkey’s own TLS, `proxy` takes them from the `Client-Cert` header (RFC 9440) of a trusted proxy, which must remove whatever a client sends by that name.',
        ),
      caFile: path(
        'PEM file with the authorities whose certificates authenticate clients by `tls_client_auth`; for `tls`.',
      ),
      proxyVerifies: z
        .boolean()
        .default(false)
        .describe(
          'Says that the proxy passes on only certificates that it has verified against your authorities: lets them authenticate clients by `tls_client_auth`; for `proxy`.',
        ),
    })
    .prefault({})
    .describe('Client certificates: to authenticate with, and to bind access tokens to.'),
  richAuthorizationRequests: z
    .boolean()
    .default(false)
    .describe(
      'The `authorization_details` parameter (RFC 9396), with the types that APIs define and clients registered for.',
    ),
  tokenExchange: z
    .boolean()
    .default(false)
    .describe(
      'Token exchange (RFC 8693): a client gets a token for another API from one that it was given, as far as its registration’s `token_exchange` allows.',
    ),
  assertionIssuersFile: path(
    'JSON file with the issuers whose assertions count as authorization grants (RFC 7523 section 2.1; identity assertion authorization grants). Without it there is no such grant.',
  ),
  signedMetadata: z
    .boolean()
    .default(false)
    .describe(
      'Both discovery documents have `signed_metadata`, which says the same as a signed JWT (RFC 8414 section 2.1), for those who must not believe the transport alone.',
    ),
  clientAttestersFile: path(
    'JSON file with the attesters whose attestations authenticate instances of clients (`attest_jwt_client_auth`; an Internet-Draft). Without it no client authenticates so.',
  ),
  tokenStatusList: z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe(
          'Publishes which JWT access tokens were revoked, as signed lists that APIs fetch (Token Status List draft): such a token can then be revoked before it expires (RFC 7009).',
        ),
      ttl: seconds(
        60,
        3600,
        'How long APIs may go by a list: within that time they refuse a token that was revoked.',
        5,
      ),
    })
    .prefault({})
    .describe('Statuses of JWT access tokens.'),
});
