import type { IncomingMessage } from 'node:http';
import { parse } from 'node:querystring';

/** What is longer (bytes) than a code with its verifier and its address, or a token, the engine judges. */
const LONGEST_BODY = 4096;
const FORM = /^application\/x-www-form-urlencoded(?:; ?charset=utf-8)?$/i;
/** With one of these a request has more to it than its form. */
const SPECIAL_HEADERS = [
  'origin',
  'dpop',
  'oauth-client-attestation',
  'oauth-client-attestation-pop',
  'transfer-encoding',
];

/** Whether a request has nothing but what each of its kind has, as far as its head tells. */
export function hasPlainHead({ method, headers }: IncomingMessage): boolean {
  for (const name of SPECIAL_HEADERS) if (headers[name] !== undefined) return false;
  if (method !== 'POST') return true;
  const length = Number(headers['content-length']);
  return FORM.test(headers['content-type'] ?? '') && length > 0 && length <= LONGEST_BODY;
}

/** The fields of a form where each has one value, and is one of `known`; undefined where it is not that simple. */
export function plainFields(
  body: Buffer,
  known: (fields: Readonly<Record<string, unknown>>) => ReadonlySet<string> | undefined,
): Record<string, string> | undefined {
  const fields = parse(body.toString());
  const names = known(fields);
  if (names === undefined) return undefined;
  for (const name in fields) {
    if (!names.has(name) || typeof fields[name] !== 'string' || fields[name] === '') return undefined;
  }
  return fields as Record<string, string>;
}
