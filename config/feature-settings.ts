import { z } from 'zod';
import { path, seconds } from './setting-traits.ts';

const offOptionalRequired = z.enum(['off', 'optional', 'required']);

/** Which extensions of the protocol are on. */
export const features = z.strictObject({
  responseTypes: z
    .enum(['code', 'all'])
    .default('code')
    .describe(
      '`all` adds the hybrid and implicit flows: for certification runs only (RFC 9700 section 2.1.2).',
    ),
  pushedRequests: z
    .enum(['optional', 'required'])
    .default('optional')
    .describe('Pushed authorization requests (RFC 9126); `required` refuses every other one.'),
  requestObjects: offOptionalRequired
    .default('optional')
    .describe('Signed authorization requests by value (RFC 9101); `required` refuses unsigned ones.'),
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
  tokenExchange: z
    .boolean()
    .default(false)
    .describe(
      'Token exchange (RFC 8693): a client gets a token for another API from one that it was given, as far as its registration’s `token_exchange` allows.',
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
