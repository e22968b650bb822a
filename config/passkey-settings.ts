import { z } from 'zod';
import { path } from './setting-traits.ts';

/** Passkeys (WebAuthn Level 3). */
export const passkeys = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe(
      'Whether people may sign in by passkey. Without effect while the issuer’s host is an address: browsers want a name.',
    ),
  attestation: z
    .enum(['none', 'required'])
    .default('none')
    .describe(
      '`required` takes a new passkey only from an authenticator whose maker vouches for it, by a certificate under `passkeys.attestation_roots_file`. Passkeys that phones and password managers keep in step have no such certificate.',
    ),
  attestationRootsFile: path(
    'PEM file with the certificates of the makers whose authenticators are trusted. Needed when attestation is `required`.',
  ),
  allowedAaguids: z
    .array(
      z
        .string()
        .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'must be an AAGUID such as 01020304-0506-…')
        .transform((aaguid) => aaguid.toLowerCase()),
    )
    .default([])
    .describe(
      'Models of authenticators (AAGUIDs) that may make a new passkey; all when empty. Needs `passkeys.attestation` to be `required`: unattested, any program may claim any model.',
    ),
  suspectedCopies: z
    .enum(['refuse', 'warn'])
    .default('refuse')
    .describe(
      'What happens when a passkey’s counter does not grow, as if there were a copy of it: `refuse` the sign-in, or let the person in. They are warned either way.',
    ),
});
