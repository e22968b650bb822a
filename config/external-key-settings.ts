import { z } from 'zod';
import { count, path, settingTraits } from './setting-traits.ts';
import { SIGNATURE_ALGORITHMS } from './signature-algorithms.ts';

const algorithmNames: ReadonlyArray<string> = SIGNATURE_ALGORITHMS;

const externalKey = z
  .string()
  .refine(
    (text) => /^[^:]+:[!-~]{1,512}$/.test(text) && algorithmNames.includes(algorithmOf(text)),
    'must be an algorithm of keys.algorithms, a colon and the key’s name, such as RS256:01',
  );

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable');

function algorithmOf(text: string): string {
  return text.slice(0, text.indexOf(':'));
}

/** Signing keys that are kept elsewhere: docs/external-keys.md. */
export const externalKeys = z.strictObject({
  keys: z
    .array(externalKey)
    .default([])
    .describe(
      'Algorithms whose key is kept elsewhere, each with the key’s name there: `RS256:name`. Another name announces that key, which then takes the former one’s place.',
    ),
  program: z
    .array(z.string().min(1).max(1000))
    .default([])
    .describe(
      'The program that signs, and its arguments; each process of Latchkey starts one. `docs/external-keys.md` says what it is asked.',
    ),
  environment: z
    .array(variable)
    .default([])
    .describe(
      'Variables of Latchkey’s environment that the program, or the token’s module, is given; besides these it has `PATH`, `HOME`, `LANG` and `TZ`.',
    ),
  pkcs11: z
    .strictObject({
      module: path(
        'The PKCS#11 module of the token that signs; a key’s name is its `CKA_ID` in hexadecimal.',
      ),
      token: z.string().min(1).max(32).exactOptional().describe('The token’s label.'),
      pin: z
        .string()
        .min(1)
        .max(256)
        .exactOptional()
        .describe('The user PIN of the token.')
        .register(settingTraits, { secret: true }),
      tool: z
        .string()
        .min(1)
        .default('pkcs11-tool')
        .describe('OpenSC’s `pkcs11-tool`, which speaks to the token.'),
    })
    .prefault({})
    .describe('A token (a hardware security module, a smart card) that signs, in place of a program.'),
  timeout: count(
    2000,
    100,
    30_000,
    'How long a signature may take, with the wait for its turn, before the request is answered with 503; in milliseconds.',
  ),
  concurrency: count(4, 1, 256, 'Signatures that one process of Latchkey asks for at once.'),
});

/** The configured name of each algorithm’s external key. */
export function externalKeyNames({ keys }: { keys: readonly string[] }): Map<string, string> {
  return new Map(keys.map((text) => [algorithmOf(text), text.slice(text.indexOf(':') + 1)]));
}
