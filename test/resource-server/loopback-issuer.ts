import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

/** One signing key of the issuer. */
export interface IssuerKey {
  kid: string;
  algorithm: string;
  privateKey: CryptoKey;
  publicJwk: JWK;
}

/** An authorization server on loopback that publishes keys and nothing else. */
export interface LoopbackIssuer {
  issuer: string;
  /** Paths asked for, in order. */
  requests: string[];
  /** What its JWKS shows; change it to rotate. */
  published: IssuerKey[];
  /** Answers before the usual documents when it returns true. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  metadata: Record<string, unknown>;
  /** Asked for the JWKS so many times. */
  jwksFetches(): number;
  /** Signs a token that is good in every respect but what `changes` makes of it; undefined drops a claim. */
  sign(changes?: TokenChanges): Promise<string>;
  listen(): Promise<void>;
  /** Stops listening; `listen` opens the same port again. */
  close(): Promise<void>;
}

/** What a token has that a good one has not. */
export interface TokenChanges {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  key?: IssuerKey;
}

/** The API that the issuer's tokens are for. */
export const audience = 'https://api.example/';

/** Makes a key pair of its own kid. */
export async function makeKey(kid: string, algorithm = 'ES256'): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' };
  return { kid, algorithm, privateKey, publicJwk };
}

/** Starts an issuer, with one ES256 key, whose identifier has this path. */
export async function startIssuer(path = ''): Promise<LoopbackIssuer> {
  const server = createServer((request, response) => {
    self.requests.push(request.url ?? '');
    if (self.intercept?.(request, response)) return;
    const documents: Record<string, unknown> = {
      [`${path}/.well-known/openid-configuration`]: self.metadata,
      [`${path}/jwks`]: { keys: self.published.map(({ publicJwk }) => publicJwk) },
    };
    const found = documents[request.url ?? ''];
    response.writeHead(found === undefined ? 404 : 200, {
      'content-type': 'application/json',
      connection: 'close',
    });
    response.end(JSON.stringify(found ?? {}));
  });
  let port = 0;
  const self: LoopbackIssuer = {
    issuer: '',
    requests: [],
    published: [await makeKey('first')],
    intercept: undefined,
    metadata: {},
    jwksFetches: () => self.requests.filter((url) => url.endsWith('/jwks')).length,
    async sign({ claims = {}, header = {}, key = self.published[0] as IssuerKey } = {}) {
      const now = Math.floor(Date.now() / 1000);
      const payload = {
        ...{ iss: self.issuer, aud: audience, sub: 'person', client_id: 'app', jti: crypto.randomUUID() },
        ...{ iat: now, exp: now + 300, scope: 'read' },
        ...claims,
      };
      return new SignJWT(payload as JWTPayload)
        .setProtectedHeader({ alg: key.algorithm, kid: key.kid, typ: 'at+jwt', ...header })
        .sign(key.privateKey);
    },
    async listen() {
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      port = (server.address() as AddressInfo).port;
    },
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
  await self.listen();
  self.issuer = `http://127.0.0.1:${port}${path}`;
  self.metadata = { issuer: self.issuer, jwks_uri: `${self.issuer}/jwks` };
  return self;
}
