import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { type FormState, formsOf, keptTogether } from '../../grants/session-forms.ts';
import { type EngineSession, prototypesOf } from './engine-context.ts';

/** What a secret is found by; the rest of it, 128 bits, is what nobody can guess. */
const NAME_CHARACTERS = 16;
const FORM_ROUTES: ReadonlySet<unknown> = new Set(['end_session_confirm', 'code_verification']);
const FORMER = Symbol('state of forms when the session was read');

interface SessionWithForms {
  state?: FormState | undefined;
  readonly [FORMER]?: FormState;
}

/** What the session of this request had in `state` when it was read. */
export function formerStateOf(ctx: KoaContextWithOIDC): FormState | undefined {
  const { Session } = ctx.oidc.entities as { Session?: SessionWithForms };
  return Session?.[FORMER];
}

/**
 * Has sessions keep the forms of several tabs. The engine keeps one: whenever it draws a page with a form, no other is taken any more. One secret for
 * all would not do, since a log-out would then lead where that of another tab was to lead.
 */
export function keepFormStates(provider: Provider): void {
  const { Session } = prototypesOf(provider);
  const instantiate = Session.instantiate.bind(Session);
  Session.instantiate = (payload) => {
    const session = instantiate(payload);
    const { state } = (payload ?? {}) as SessionWithForms;
    if (state?.secret !== undefined) {
      // Not enumerable: it is no part of what is stored. The engine changes `state` itself in place.
      Object.defineProperty(session, FORMER, { value: { ...state } });
    }
    return session;
  };

  const get = Session.get.bind(Session);
  Session.get = async (ctx) => {
    const session: EngineSession & SessionWithForms = await get(ctx);
    const { oidc, method } = ctx as KoaContextWithOIDC;
    if (method === 'POST' && oidc !== undefined && FORM_ROUTES.has(oidc.route)) chooseByForm(session, oidc);
    return session;
  };

  const { save } = Session.prototype;
  Session.prototype.save = function saveWithForms(this: EngineSession, seconds) {
    const session = this as SessionWithForms;
    const { state, [FORMER]: former } = session;
    // The engine forgets a form that has done its work; it may be sent twice, and others are open beside it.
    if (former !== undefined) session.state = state === undefined ? former : beside(former, state);
    return save.call(this, seconds);
  };
}

/** The form of the page that is drawn now, with those that were there before. */
function beside(former: FormState, latest: FormState): FormState {
  const before = formsOf(former);
  if (latest.others !== undefined || before.some(({ secret }) => secret === latest.secret)) return latest;
  return keptTogether(latest, before);
}

/**
 * Puts the form that was sent in front, once it has been read: what the engine then goes by is that form's own. It is found by the first
 * part of its secret; the engine compares the whole, and refuses one that nobody knows.
 */
function chooseByForm(session: SessionWithForms, oidc: KoaContextWithOIDC['oidc']): void {
  const { state } = session;
  if (state?.others === undefined) return;
  const forms = formsOf(state);
  const set = (value: FormState | undefined): void => {
    Object.defineProperty(session, 'state', { value, writable: true, configurable: true, enumerable: true });
  };
  const get = (): FormState | undefined => {
    const xsrf = String(oidc.params?.xsrf ?? '');
    const sent = forms.find(
      ({ secret }) => secret.slice(0, NAME_CHARACTERS) === xsrf.slice(0, NAME_CHARACTERS),
    );
    if (sent === undefined) return state;
    set({ ...sent, others: forms.filter((form) => form !== sent) });
    return session.state;
  };
  Object.defineProperty(session, 'state', { get, set, configurable: true, enumerable: true });
}
