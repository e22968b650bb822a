import { expect } from 'chai';
import { validateClaims } from '../../lib/accounts/claims.ts';

describe('claims', () => {
  it('takes every standard claim of OpenID Connect Core 5.1', () => {
    const claims = {
      name: 'Jane Q. Doe',
      given_name: 'Jane',
      family_name: 'Doe',
      middle_name: 'Q.',
      nickname: 'jd',
      preferred_username: 'j.doe',
      profile: 'https://example.com/jane',
      picture: 'https://example.com/jane.png',
      website: 'http://example.com',
      email: 'jäne@exämple.com',
      email_verified: true,
      gender: 'female',
      birthdate: '0000-02-29',
      zoneinfo: 'America/Los_Angeles',
      locale: 'en_US',
      phone_number: '+1 (604) 555-1234;ext=5678',
      phone_number_verified: false,
      address: { street_address: '1 Main St', locality: 'Springfield', postal_code: '12345', country: 'US' },
    };
    expect(validateClaims(claims)).to.deep.equal({ outcome: 'valid', claims });
  });

  it('takes custom claims with any JSON value', () => {
    const claims = {
      groups: ['staff', 'ops'],
      'https://example.com/tier': { level: 3, until: null },
      vip: false,
    };
    expect(validateClaims(claims)).to.deep.equal({ outcome: 'valid', claims });
  });

  let deep: unknown = 'x';
  for (let depth = 0; depth < 50_000; depth += 1) deep = [deep];

  for (const [claim, value] of [
    ['email', 'not an address'],
    ['email', `${'a'.repeat(250)}@example.com`],
    ['email_verified', 'true'],
    ['profile', 'javascript:alert(1)'],
    ['picture', 'data:image/png;base64,AAAA'],
    ['website', 'example.com'],
    ['birthdate', '1999-02-30'],
    ['birthdate', '01/02/1999'],
    ['zoneinfo', 'Mars/Olympus'],
    ['locale', 'english please'],
    ['phone_number', 'call me'],
    ['address', 'a street'],
    ['address', { planet: 'Mars' }],
    ['name', ''],
    ['name', 7],
    ['sub', 'me'],
    ['iss', 'https://elsewhere.example'],
    ['aud', 'everybody'],
    ['exp', 99999999999],
    ['acr', 'gold'],
    ['amr', ['hwk']],
    ['client_id', 'x'],
    ['scope', 'admin'],
    ['cnf', {}],
    ['updated_at', 1],
    ['_claim_sources', {}],
    ['constructor', 1],
    ['two words', 1],
    ['', 1],
    ['1st', 1],
    ['x'.repeat(129), 1],
    ['groups', null],
    ['score', Number.NaN],
    ['score', 1n],
    ['tree', deep],
  ] as const) {
    it(`refuses ${claim.slice(0, 20)} with ${typeof value === 'object' && claim === 'tree' ? 'endless nesting' : String(value)}`, () => {
      const validation = validateClaims({ [claim]: value });
      expect(validation).to.include({ outcome: 'invalid', claim });
    });
  }

  it('refuses __proto__ as it comes out of JSON', () => {
    const claims = JSON.parse('{"__proto__": {"admin": true}}') as Record<string, unknown>;
    expect(validateClaims(claims)).to.include({ outcome: 'invalid' });
  });

  it('refuses more than 16 KiB', () => {
    expect(validateClaims({ notes: 'x'.repeat(16_384) })).to.include({ outcome: 'invalid' });
  });
});
