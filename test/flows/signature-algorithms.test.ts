import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import { SIGNATURE_ALGORITHMS } from '../../config/signature-algorithms.ts';
import { createTokenVerifier } from '../../lib/resource-server/token-verifier.ts';
import { ADA, Application, answerOf } from './application.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const API = 'https://api.example.com';
/** One of each family and size that others do not stand for. */
const SHOWN = ['RS512', 'PS384', 'ES512', 'Ed25519', 'ML-DSA-65'] as const;

describe('signatures by configuration', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_KEYS_ALGORITHMS: SIGNATURE_ALGORITHMS.join(',') });
    await latchkey.createPerson(ADA.login, ADA.password);
    await latchkey.json(['apis', 'create', '--identifier', API, '--algorithm', 'ML-DSA-65']);
  });
  after(() => latchkey.stop());

  it('by every algorithm are published, with one key each', async () => {
    const { keys } = (await (await fetch(`${latchkey.issuer}/jwks`)).json()) as { keys: { alg: string }[] };
    expect(keys.map(({ alg }) => alg).sort()).to.deep.equal([...SIGNATURE_ALGORITHMS].sort());
    const metadata = await (await fetch(`${latchkey.issuer}/.well-known/openid-configuration`)).json();
    expect((metadata as Record<string, string[]>).id_token_signing_alg_values_supported).to.have.members([
      ...SIGNATURE_ALGORITHMS,
    ]);
  });

  for (const algorithm of SHOWN) {
    it(`${algorithm}: an ID token of a client that registered for it`, async () => {
      const app = await Application.register(latchkey, { id_token_signed_response_alg: algorithm });
      const tokens = await app.signIn();
      const keys = createRemoteJWKSet(new URL(`${latchkey.issuer}/jwks`));
      const { payload, protectedHeader } = await jwtVerify(tokens.id_token, keys, {
        algorithms: [algorithm],
        audience: app.clientId,
      });
      expect(protectedHeader.alg).to.equal(algorithm);
      expect(payload.at_hash ?? payload.sub).to.be.a('string');
    });
  }

  it('ML-DSA: an access token that lib/resource-server takes, asked for by an assertion of the client’s own', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ML-DSA-44', { extractable: true });
    const { client_id: id } = await latchkey.createClient({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ML-DSA-44',
      jwks: { keys: [await exportJWK(publicKey)] },
    });
    const assertion = await new SignJWT({ iss: id, sub: id, aud: latchkey.issuer, jti: randomUUID() })
      .setProtectedHeader({ alg: 'ML-DSA-44' })
      .setExpirationTime('1m')
      .sign(privateKey);
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      resource: API,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    });
    const answer = await answerOf(await fetch(`${latchkey.issuer}/token`, { method: 'POST', body }));
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    const verifier = createTokenVerifier({
      issuer: latchkey.issuer,
      audience: API,
      algorithms: ['ML-DSA-65'],
    });
    expect((await verifier.verifyToken(answer.body.access_token)).outcome).to.equal('valid');
  });

  it('a private ML-DSA key is not registered', async () => {
    const { privateKey } = await generateKeyPair('ML-DSA-44', { extractable: true });
    const refusal = await latchkey
      .createClient({
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [await exportJWK(privateKey)] },
      })
      .catch((error: Error) => error.message);
    expect(refusal).to.contain('holds a private key');
  });
});
