import type { DirectoryDifference, Names } from '../database/backup/directory-difference.ts';
import type { Restored } from '../database/backup/restore.ts';
import { formatTime } from './table.ts';

/** What a restore undid, and what an operator does again about it. */
const UNDONE: Readonly<Record<keyof DirectoryDifference, { member: string; text: string; again: string }>> = {
  deletedPeople: {
    member: 'deleted_people',
    text: 'people who had been deleted are there again',
    again: 'users delete',
  },
  disabledPeople: {
    member: 'disabled_people',
    text: 'people who had been disabled may sign in again',
    again: 'users disable',
  },
  changedPasswords: {
    member: 'changed_passwords',
    text: 'former passwords are valid again',
    again: 'users set-password',
  },
  deletedClients: {
    member: 'deleted_clients',
    text: 'applications that had been deleted are there again',
    again: 'clients delete',
  },
  rotatedSecrets: {
    member: 'rotated_secrets',
    text: 'former client secrets are valid again',
    again: 'clients rotate-secret',
  },
  changedClients: {
    member: 'changed_clients',
    text: 'applications are registered as they were',
    again: 'clients update',
  },
  deletedApis: {
    member: 'deleted_apis',
    text: 'APIs that had been deleted are there again',
    again: 'apis delete',
  },
  changedApis: { member: 'changed_apis', text: 'APIs are registered as they were', again: 'apis update' },
  createdPeople: {
    member: 'created_people',
    text: 'people who were created since are gone',
    again: 'users create',
  },
  createdClients: {
    member: 'created_clients',
    text: 'applications that were registered since are gone',
    again: 'clients create',
  },
  createdApis: {
    member: 'created_apis',
    text: 'APIs that were registered since are gone',
    again: 'apis create',
  },
};

/** What every restore ends, whatever it restores. */
export const ENDED = [
  'sessions',
  'consents',
  'authorization codes',
  'refresh tokens',
  'access tokens',
  'signing keys',
] as const;

const ENDED_TEXT =
  'Everybody signs in and consents again: sessions, consents, codes and tokens of before are ended, and signing keys are new.';
const FORGOTTEN_TEXT =
  'Counters of failed sign-ins in the embedded database begin at zero. Client assertions made before are refused.';

const entriesOf = (difference: DirectoryDifference) =>
  Object.entries(UNDONE).map(([key, words]) => ({
    ...words,
    names: difference[key as keyof DirectoryDifference],
  }));

/** For scripts. `undone` is null when what was replaced could not be read. */
export function presentRestored(from: string, restored: Restored): Record<string, unknown> {
  const { note, people, clients, apis, replaced, difference } = restored;
  return {
    restored: true,
    from,
    backup:
      note === undefined
        ? null
        : { made_at: formatTime(note.madeAt), version: note.version, issuer: note.issuer },
    people,
    clients,
    apis,
    replaced: replaced ?? null,
    ended: ENDED,
    undone:
      difference === undefined
        ? null
        : Object.fromEntries(
            entriesOf(difference).map(({ member, names }) => [
              member,
              { count: names.count, names: names.names },
            ]),
          ),
  };
}

const listed = ({ count, names }: Names): string =>
  count > names.length ? `${names.join(', ')}, and ${count - names.length} more` : names.join(', ');

/** For people. */
export function describeRestored(from: string, restored: Restored, issuer: string): string {
  const { note, people, clients, apis, replaced, difference } = restored;
  const when = note === undefined ? 'the moment it was copied' : formatTime(note.madeAt);
  const lines = [
    `restored ${from}: ${people} people, ${clients} applications, ${apis} APIs, as of ${when}`,
    ENDED_TEXT,
    FORGOTTEN_TEXT,
  ];
  if (note !== undefined && note.issuer !== issuer) {
    lines.push(`It was made for ${note.issuer}; the issuer is now ${issuer}.`);
  }
  if (difference === undefined) {
    lines.push(
      'What changed since cannot be told, for want of the database of before. If since then you deleted or disabled people or applications, changed passwords or rotated client secrets: do it again now, before you start the server.',
    );
  } else {
    const undone = entriesOf(difference).filter(({ names }) => names.count > 0);
    if (undone.length > 0)
      lines.push('Undone by the restore; do again what still holds, before you start the server:');
    for (const { text, again, names } of undone) lines.push(`  ${text} (${again}): ${listed(names)}`);
  }
  if (replaced !== undefined) {
    lines.push(`The replaced database is in ${replaced}; remove it when nobody needs it any more.`);
  }
  return lines.join('\n');
}

/** The same for a database that was restored by its own tools. */
export const EPOCH_TEXT = [
  'a new epoch has begun',
  ENDED_TEXT,
  FORGOTTEN_TEXT,
  'If since the copy was made you deleted or disabled people or applications, changed passwords or rotated client secrets: do it again now.',
  'Start (or restart) every server process now: one that ran through the restore still has its old state.',
].join('\n');
