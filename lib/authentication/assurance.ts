import { ACR_VALUES, type Acr } from '../../config/acr-values.ts';

// What a sign-in is worth is told by what was proved in it (`amr`, RFC 8176) and by nothing else.

/** At least two factors of different kinds. */
export const MULTI_FACTOR: Acr = 'https://refeds.org/profile/mfa';

/** Keys that answer a challenge for one origin alone. */
const BOUND_KEYS = ['hwk', 'swk', 'pop'];
/** A sign-in at another provider, which takes a password at least; what more it took counts where it is trusted and told. */
export const FEDERATED = 'fed';
const KNOWN_TO_PERSON = ['pwd', 'pin', 'kba', FEDERATED];
const HELD_BY_PERSON = [...BOUND_KEYS, 'otp', 'sms', 'tel', 'sc'];
const PART_OF_PERSON = ['fpt', 'face', 'iris', 'retina', 'vbm'];

type Methods = readonly string[];

const among = (methods: Methods, names: readonly string[]): boolean =>
  methods.some((method) => names.includes(method));

/**
 * Whether factors of two kinds were proved. A code sent by mail (`mca`) is not counted: who reads the mailbox can have a
 * new password as well, so that both are one factor.
 */
function isMultiFactor(methods: Methods): boolean {
  const kinds = [KNOWN_TO_PERSON, HELD_BY_PERSON, PART_OF_PERSON];
  return methods.includes('mfa') || kinds.filter((names) => among(methods, names)).length > 1;
}

/** The strongest `acr` that these methods are worth. */
export function acrOf(methods: Methods): Acr {
  const [single, multiple, resistant, hardware] = ACR_VALUES;
  if (!isMultiFactor(methods)) return single;
  if (!among(methods, BOUND_KEYS)) return multiple;
  return methods.includes('hwk') ? hardware : resistant;
}

/** Whether `acr` is worth at least the one that is wanted; a value that is unknown here nothing is worth. */
function isWorth(acr: Acr, wanted: string): boolean {
  const rank = (ACR_VALUES as readonly string[]).indexOf(wanted);
  return rank >= 0 && rank <= ACR_VALUES.indexOf(acr);
}

/** Whether these methods are worth at least this `acr`; a value that is unknown here they never are. */
export function satisfies(methods: Methods, acr: string): boolean {
  return isWorth(acrOf(methods), acr);
}

/** The weakest `acr` that is worth one value of each of these lists; undefined where none is. */
export function weakestMeeting(demanded: ReadonlyArray<readonly string[]>): Acr | undefined {
  return ACR_VALUES.find((acr) => demanded.every((acrs) => acrs.some((wanted) => isWorth(acr, wanted))));
}

/** Whether a second step was taken, of whatever strength. */
export function hasSecondStep(methods: Methods): boolean {
  return isMultiFactor(methods) || methods.includes('mca');
}
