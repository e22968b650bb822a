/** The longest login, in code points of its canonical form: the longest address that mail can carry (RFC 5321 §4.5.3.1.3). */
const MAXIMUM_LENGTH = 254;
/** What is looked at at all, in UTF-16 units: bounds the work that an endless input can cause. */
const MAXIMUM_INPUT_UNITS = 1024;
/** Folding once more than this has never been needed; a login that does not settle is refused. */
const MAXIMUM_ROUNDS = 8;

/**
 * Characters that nobody sees or that reorder what is seen: controls, zero-width and bidi marks, fillers,
 * variation selectors, private use, surrogates, line separators; and unassigned ones, whose normal form may change with
 * the next Unicode version.
 */
const FORBIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
/** What NFKC and white space leave as it is, and of which only the case folds: nearly every login. */
const PLAIN = /^[!-~]+$/;
const WHITE_SPACE_AROUND = /^[\t\n\v\f\r\p{Zs}]+|[\t\n\v\f\r\p{Zs}]+$/gu;

export type CanonicalLogin =
  | { outcome: 'canonical'; login: string }
  | { outcome: 'refused'; reason: 'empty' | 'too_long' | 'forbidden_character'; description: string };

const REFUSALS = {
  empty: 'a login is not empty',
  too_long: `a login has at most ${MAXIMUM_LENGTH} characters`,
  forbidden_character:
    'a login has no invisible, control or unassigned characters and no stray combining mark',
} as const;

function refuse(reason: keyof typeof REFUSALS): CanonicalLogin {
  return { outcome: 'refused', reason, description: REFUSALS[reason] };
}

/**
 * Full case folding (Unicode §5.18), one code point at a time so that no rule looks at neighbours (final sigma) and no
 * locale is asked. ı (dotless) stays itself as in CaseFolding.txt, though its upper case is I.
 */
function foldCase(text: string): string {
  let folded = '';
  for (const character of text) {
    folded += character === 'ı' ? character : character.toLowerCase().toUpperCase().toLowerCase();
  }
  // İ folds to i + U+0307, which is drawn as i: an impostor unless both are one.
  return folded.replace(/i\u0307+/gu, 'i');
}

/**
 * The one canonical form of a login, for uniqueness and for look-up: NFKC, case folded, white space around removed
 * and inside collapsed. Idempotent, independent of the locale. Two spellings with one canonical form are one person,
 * so an impostor cannot register alice in full-width letters.
 */
export function canonicalLogin(input: string): CanonicalLogin {
  if (input.length > MAXIMUM_INPUT_UNITS) return refuse('too_long');
  if (PLAIN.test(input)) {
    return input.length > MAXIMUM_LENGTH
      ? refuse('too_long')
      : { outcome: 'canonical', login: input.toLowerCase() };
  }
  let login = input.replace(WHITE_SPACE_AROUND, '');
  for (let round = 0; ; round += 1) {
    if (FORBIDDEN.test(login)) return refuse('forbidden_character');
    const next = foldCase(login.normalize('NFKC'))
      .normalize('NFKC')
      .replace(/\p{Zs}+/gu, ' ')
      .trim();
    if (next === login) break;
    if (round === MAXIMUM_ROUNDS || next.length > MAXIMUM_INPUT_UNITS) return refuse('too_long');
    login = next;
  }
  if (login === '') return refuse('empty');
  if (/^\p{M}/u.test(login)) return refuse('forbidden_character');
  if ([...login].length > MAXIMUM_LENGTH) return refuse('too_long');
  return { outcome: 'canonical', login };
}

/**
 * A login once its person's address has moved: one that is the former address becomes the new one, any other stays. `undefined` when the new
 * address cannot be a login.
 */
export function loginAfterMove(
  login: string,
  { from, to }: { from: string | undefined; to: string },
): string | undefined {
  const former = canonicalLogin(from ?? '');
  if (former.outcome === 'refused' || former.login !== login) return login;
  const next = canonicalLogin(to);
  return next.outcome === 'refused' ? undefined : next.login;
}
