import { createPublicKey, verify } from 'node:crypto';
import { expect } from 'chai';
import { calculateJwkThumbprint, compactVerify, importJWK } from 'jose';
import { SIGNATURE_ALGORITHMS } from '../../config/signature-algorithms.ts';
import {
  makeKeyMaterial,
  prepareSigner,
  readPrivateKey,
  readPublicKey,
} from '../../lib/keys/key-material.ts';

describe('a key of each algorithm', function () {
  this.timeout(60_000);
  for (const algorithm of SIGNATURE_ALGORITHMS) {
    it(`${algorithm}: signs what another implementation verifies, by its published part alone`, async () => {
      const { publicJwk, privateKey, kid } = await makeKeyMaterial(algorithm);
      expect(publicJwk)
        .to.include({ alg: algorithm, use: 'sig', kid })
        .and.not.have.any.keys('d', 'priv', 'p');
      expect(await calculateJwkThumbprint(publicJwk)).to.equal(kid);
      expect(readPublicKey(publicJwk).type).to.equal('public');
      const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const input = `${encoded({ alg: algorithm, kid })}.${encoded({ sub: 'ada' })}`;
      const sign = prepareSigner(algorithm, readPrivateKey(privateKey));
      // More at once than there are threads for.
      const signatures = await Promise.all(Array.from({ length: 6 }, async () => sign(Buffer.from(input))));
      for (const signature of signatures) {
        const token = `${input}.${signature.toString('base64url')}`;
        const verified = await compactVerify(token, await importJWK(publicJwk, algorithm));
        expect(JSON.parse(Buffer.from(verified.payload).toString())).to.deep.equal({ sub: 'ada' });
      }
    });
  }
});

describe('an ES256 signature', () => {
  it('has 64 octets whatever the length of its integers, and verifies (RFC 7518 section 3.4)', async () => {
    const { publicJwk, privateKey } = await makeKeyMaterial('ES256');
    const key = {
      key: createPublicKey({ key: publicJwk, format: 'jwk' }),
      dsaEncoding: 'ieee-p1363',
    } as const;
    const sign = prepareSigner('ES256', readPrivateKey(privateKey));
    let short = 0;
    // One integer in 256 is shorter than 32 octets: among so many there are some, but for one run in a billion.
    for (let index = 0; index < 3000; index += 1) {
      const data = Buffer.from(`message ${index}`);
      const signature = await sign(data);
      expect(signature).to.have.lengthOf(64);
      if (signature[0] === 0 || signature[32] === 0) short += 1;
      expect(verify('sha256', data, key, signature), `message ${index}`).to.equal(true);
    }
    expect(short).to.be.above(0);
  });
});
