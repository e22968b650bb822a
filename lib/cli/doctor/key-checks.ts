import { DENIED_ADVICE, directoryProblem } from '../../database/directory-problem.ts';
import { findEncryptionKeys } from '../../database/encryption-key.ts';
import { surveySealed } from '../../database/sealed-values.ts';
import { Sealer } from '../../database/sealer.ts';
import type { KeyRecord } from '../../keys/key-life.ts';
import { readRecords } from '../../keys/key-store.ts';
import { SEALED_COLUMNS } from '../sealed-columns.ts';
import { type Check, type Finding, fine, orFine, problem, warning } from './finding.ts';

/** Of 32 random bytes some 30 are different; fewer than this are no accident. */
const FEWEST_DIFFERENT_BYTES = 18;
/** How late (ms) a change of keys may be before somebody should look: processes look four times a second. */
const LATE = 3_600_000;
const DAY = 86_400_000;

/** The keys that encrypt secrets at rest: there, random, and those that what is stored was sealed with. */
export const encryptionKeyCheck: Check = async ({ configuration, database }) => {
  const { encryptionKey, dataDir } = configuration;
  let keys: Buffer[] | undefined;
  try {
    keys = findEncryptionKeys(encryptionKey, dataDir);
  } catch (error) {
    const isDenied = directoryProblem(error, dataDir)?.isDenied === true;
    const advice = isDenied ? DENIED_ADVICE : 'put the key of your backups there';
    return [problem('encryption_key', (error as Error).message, advice)];
  }
  if (keys === undefined) {
    if (database === undefined) return [fine('encryption_key', 'the first start makes one')];
    const message = 'there is none, and the database holds values that were sealed with one';
    return [problem('encryption_key', message, 'set LATCHKEY_ENCRYPTION_KEY, or put encryption.key back')];
  }
  const findings: Finding[] = keys.flatMap((key, index) =>
    new Set(key).size >= FEWEST_DIFFERENT_BYTES
      ? []
      : [
          problem(
            'encryption_key',
            `key ${index + 1} is not random: whoever guesses it reads every secret at rest`,
            'make one with: openssl rand -base64 32, put it in front of the present one, and restart',
          ),
        ],
  );
  if (database === undefined) return orFine(findings, 'encryption_key', 'it is there');
  const sealer = new Sealer(keys);
  const { current, older, unreadable } = await surveySealed(database.query, SEALED_COLUMNS, sealer);
  for (const { what, key, keyId } of unreadable) {
    findings.push(
      problem(
        'encryption_key',
        `${what} ${key} cannot be opened: it was sealed with key ${keyId}, present are ${sealer.keyIds.join(', ')}`,
        'add that key behind the newest in LATCHKEY_ENCRYPTION_KEY',
      ),
    );
  }
  if (older > 0) {
    findings.push(
      warning(
        'encryption_key',
        `${older} of ${current + older} secrets are still sealed with an older key`,
        'keep that key configured: signing keys are replaced as they rotate, client secrets by clients rotate-secret, authenticator apps are sealed anew when they are used',
      ),
    );
  }
  return orFine(findings, 'encryption_key', `key ${sealer.keyIds[0]} opens all ${current} secrets`);
};

/** Signing keys: one in use for each algorithm, none overdue for what is to become of it. */
export const signingKeyCheck: Check = async ({ configuration, database, inUse, now }) => {
  if (database === undefined) return [];
  const records = await readRecords(database.query);
  if (records.length === 0) return [fine('signing_keys', 'the next start makes them')];
  const { algorithms, rotationInterval, jwksMaxAge, announceMargin } = configuration.keys;
  const findings: Finding[] = [];
  for (const algorithm of algorithms) {
    const active = records.find((record) => record.algorithm === algorithm && record.state === 'active');
    const successor = records.find(
      (record) => record.algorithm === algorithm && record.state === 'announced',
    );
    if (active === undefined) {
      findings.push(missingKey(algorithm, successor));
      continue;
    }
    const age = now - (active.activatedAt ?? active.createdAt);
    if (active.externalKey !== null) {
      findings.push(ageOfExternal(active, age, rotationInterval));
      continue;
    }
    const due = rotationInterval * 1000 + (jwksMaxAge + announceMargin) * 1000 + LATE;
    if (age > due) findings.push(overdue(active, age, inUse));
    else {
      findings.push(
        fine(
          'signing_keys',
          `${algorithm}: ${active.kid} has signed for ${days(age)}, of ${days(rotationInterval * 1000)}`,
        ),
      );
    }
  }
  for (const record of records) {
    if (record.createdAt > now + LATE) {
      findings.push(
        problem(
          'clock',
          `signing key ${record.kid} was made ${days(record.createdAt - now)} from now: a clock has been set back`,
          'set the clock; keys rotate and codes expire by it',
        ),
      );
    }
    if (record.state === 'retired' && (record.expiresAt ?? now) < now - LATE) {
      findings.push(
        warning(
          'signing_keys',
          `${record.kid} should have left the JWKS ${days(now - (record.expiresAt ?? now))} ago`,
          'a running server sees to it: start one, or look into its log',
        ),
      );
    }
  }
  return findings;
};

const days = (milliseconds: number): string => {
  const whole = Math.floor(milliseconds / DAY);
  return whole === 1 ? '1 day' : `${whole} days`;
};

/** Nobody replaces such a key by itself. */
function ageOfExternal(record: KeyRecord, age: number, rotationInterval: number): Finding {
  const message = `${record.algorithm}: ${record.kid}, kept elsewhere as ${record.externalKey}, has signed for ${days(age)}`;
  return age > rotationInterval * 1000
    ? warning(
        'signing_keys',
        `${message}, longer than keys.rotation_interval`,
        'make another one there and name it in keys.external.keys',
      )
    : fine('signing_keys', message);
}

function missingKey(algorithm: string, successor: KeyRecord | undefined): Finding {
  return successor === undefined
    ? problem(
        'signing_keys',
        `there is no key for ${algorithm}`,
        'a running server announces one within seconds',
      )
    : warning(
        'signing_keys',
        `${algorithm} has no key in use before ${new Date(successor.activatesAt).toISOString()}: until then nothing is signed with it`,
        'wait, or sign at once whoever may hold an old JWKS: keys rotate --immediately',
      );
}

function overdue(record: KeyRecord, age: number, inUse: boolean): Finding {
  const message = `${record.algorithm}: ${record.kid} has signed for ${days(age)} and should have been replaced`;
  return inUse
    ? problem(
        'signing_keys',
        message,
        'look into the server’s log for “signing keys could not be looked after”',
      )
    : warning('signing_keys', message, 'a running server replaces it by itself');
}
