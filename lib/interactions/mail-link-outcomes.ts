/** What a page that asks for an address must say about a former attempt; `retryAfter` in seconds. */
export type AskProblem =
  | { kind: 'throttled'; retryAfter: number }
  | { kind: 'unavailable' }
  | { kind: 'form-rejected' }
  /** Nothing that could be an address was typed. */
  | { kind: 'invalid' }
  /** People of this mail domain cannot register. */
  | { kind: 'domain' };

/**
 * What a page that acts on a link must say about a former attempt. `rule`: which one for passwords was broken, `too_short`, `too_long`, `common` or
 * `personal`; any other has the general words.
 */
export type LinkProblem =
  | { kind: 'form-rejected' }
  | { kind: 'unavailable' }
  | { kind: 'password'; rule: string }
  | { kind: 'name' };

/** How what began with a mailed link ended. */
export type LinkResult =
  | 'password-changed'
  | 'registered'
  | 'already-registered'
  | 'email-verified'
  | 'email-changed'
  | 'deletion-asked'
  | 'expired';
