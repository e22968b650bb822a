/**
 * Signs for Latchkey with keys that are kept outside of it: here PKCS#8 PEM files of the folder that is named on the command line, in your
 * program a key management service. One JSON object a line comes on standard input, one a line goes to standard output, in
 * any order; docs/external-keys.md describes them.
 */
import { constants, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

interface Question {
  id: number;
  operation: 'public_key' | 'sign';
  key: string;
  algorithm: string;
  data: string;
}

const folder = process.argv[2] ?? '.';

function privateKey(name: string): KeyObject {
  if (!/^[\w-]+$/.test(name)) throw new Error(`${name} is no name of a key`);
  return createPrivateKey(readFileSync(join(folder, `${name}.pem`)));
}

/** A signature in the form of RFC 7518 section 3: for ECDSA the two integers one after another. */
function signature({ key, algorithm, data }: Question): Buffer {
  const input = Buffer.from(data, 'base64url');
  const digest = algorithm.startsWith('Ed') ? null : `sha${algorithm.slice(-3)}`;
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants;
  const pss = algorithm.startsWith('PS') ? { padding, saltLength } : {};
  return sign(digest, input, { key: privateKey(key), dsaEncoding: 'ieee-p1363', ...pss });
}

function answer(question: Question): Record<string, unknown> {
  switch (question.operation) {
    case 'public_key':
      return { public_key: createPublicKey(privateKey(question.key)).export({ format: 'jwk' }) };
    case 'sign':
      return { signature: signature(question).toString('base64url') };
    default:
      return { error: 'an operation that is not known' };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line) as Question;
  const { id } = question;
  try {
    process.stdout.write(`${JSON.stringify({ id, ...answer(question) })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ id, error: (error as Error).message })}\n`);
  }
}
