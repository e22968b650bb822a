import { createPublicKey, verify } from 'node:crypto';
import { expect } from 'chai';
import { makeKeyMaterial, prepareSigner, readPrivateKey } from '../../lib/keys/key-material.ts';

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
      const signature = sign(data);
      expect(signature).to.have.lengthOf(64);
      if (signature[0] === 0 || signature[32] === 0) short += 1;
      expect(verify('sha256', data, key, signature), `message ${index}`).to.equal(true);
    }
    expect(short).to.be.above(0);
  });
});
