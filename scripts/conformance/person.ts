import { randomBytes } from 'node:crypto';

/** Who signs in: somebody with every standard claim, since the suite looks for each (OpenID Connect Core §5.1). */
export interface Person {
  login: string;
  password: string;
  claims: Record<string, unknown>;
}

/** The same person with a password of this run. */
export function makePerson(): Person {
  const login = 'ada@example.com';
  return {
    login,
    password: randomBytes(24).toString('base64url'),
    claims: {
      name: 'Ada King Lovelace',
      given_name: 'Ada',
      middle_name: 'King',
      family_name: 'Lovelace',
      nickname: 'Countess',
      preferred_username: 'ada',
      profile: 'https://people.example.com/ada',
      picture: 'https://people.example.com/ada.png',
      website: 'https://ada.example.com',
      email: login,
      email_verified: true,
      gender: 'female',
      // The suite takes nobody for real who was born before 1900.
      birthdate: '1915-12-10',
      zoneinfo: 'Europe/London',
      locale: 'en-GB',
      phone_number: '+44 20 7946 0000',
      phone_number_verified: true,
      address: {
        formatted: '12 St James’s Square\nLondon\nSW1Y 4JH\nUnited Kingdom',
        street_address: '12 St James’s Square',
        locality: 'London',
        region: 'Greater London',
        postal_code: 'SW1Y 4JH',
        country: 'United Kingdom',
      },
    },
  };
}
