/** How many forms of one browser stay good. */
const OPEN_FORMS = 8;
/** One that carries more (characters of JSON) is not kept beside another: a session is read with every request. */
const LONGEST_KEPT_FORM = 1000;

/** What a session keeps of a form of the engine's (`session.state`): the secret that must come back, and for a log-out where it leads. */
export interface FormState {
  secret: string;
  clientId?: string;
  state?: string;
  postLogoutRedirectUri?: string;
  /** Forms that are open in other tabs, the latest first. */
  others?: FormState[];
}

/** Each form by itself, the latest first. */
export const formsOf = ({ others = [], ...latest }: FormState): FormState[] => [latest, ...others];

/** One form in front of others, as many of which are kept as a session has room for. */
export function keptTogether(latest: FormState, others: FormState[]): FormState {
  const isShort = (form: FormState): boolean => JSON.stringify(form).length <= LONGEST_KEPT_FORM;
  const kept = others.filter(isShort).slice(0, OPEN_FORMS - 1);
  return kept.length === 0 ? latest : { ...latest, others: kept };
}

/** The forms of two tabs that were opened at the same moment, each beside those of `base`. Ours stay in front. */
export function mergeForms(
  base: FormState | undefined,
  ours: FormState | undefined,
  theirs: FormState | undefined,
): FormState | undefined {
  if (ours === undefined || theirs === undefined) return ours;
  const [latest, ...others] = formsOf(ours) as [FormState, ...FormState[]];
  const known = new Set(
    [ours, base].flatMap((form) => (form === undefined ? [] : formsOf(form))).map(({ secret }) => secret),
  );
  const added = formsOf(theirs).filter(({ secret }) => !known.has(secret));
  return added.length === 0 ? ours : keptTogether(latest, [...added, ...others]);
}
