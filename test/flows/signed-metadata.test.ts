import { expect } from 'chai';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const PATHS = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'];

describe('signed metadata', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_FEATURES_SIGNED_METADATA: 'true',
      LATCHKEY_KEYS_ALGORITHMS: 'ES256,RS256',
    });
  });
  after(() => latchkey?.stop());

  /** The document without its signed member, and what that says when it is verified by the published keys. */
  async function read(path: string) {
    const response = await fetch(latchkey.issuer + path);
    const { signed_metadata: jwt, ...document } = (await response.json()) as Record<string, unknown>;
    const keys = createRemoteJWKSet(new URL('/jwks', latchkey.issuer));
    const { payload, protectedHeader } = await jwtVerify(String(jwt), keys, { issuer: latchkey.issuer });
    return { document, payload, protectedHeader };
  }

  it('both documents say in `signed_metadata` what they say beside it, signed by the first algorithm’s key', async () => {
    const [openid, oauth] = await Promise.all(PATHS.map(read));
    for (const { document, payload, protectedHeader } of [openid, oauth] as NonNullable<typeof openid>[]) {
      const { iss, ...claims } = payload;
      expect(claims).to.deep.equal(document);
      expect(iss).to.equal(document.issuer);
      expect(protectedHeader.alg).to.equal('ES256');
    }
    for (const [name, value] of Object.entries(oauth?.payload ?? {})) {
      if (name in (openid?.payload ?? {})) expect(openid?.payload[name], name).to.deep.equal(value);
    }
  });

  it('is signed anew when the key that signed it is withdrawn', async () => {
    const before = (await read(PATHS[0] as string)).protectedHeader.kid as string;
    await latchkey.json(['keys', 'retire', before]);
    await eventually(
      'the new key has signed both',
      async () => {
        const kids = await Promise.all(
          PATHS.map((path) =>
            read(path).then(
              ({ protectedHeader }) => protectedHeader.kid,
              () => before,
            ),
          ),
        );
        return kids.every((kid) => kid !== before);
      },
      60_000,
    );
  });

  it('is not there unless it is turned on', async () => {
    const plain = await LatchkeyProcess.start();
    try {
      for (const path of PATHS) {
        expect(await (await fetch(plain.issuer + path)).json()).to.not.have.property('signed_metadata');
      }
    } finally {
      await plain.stop();
    }
  });
});
