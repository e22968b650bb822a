/** What a command came to. `text` is for people, `json` for scripts. */
export type CommandResult =
  | Answer
  | Refusal
  /** The command was used wrongly, or what it was pointed at cannot be read. */
  | { outcome: 'misused'; error: string; description: string };

/** It was done. `healthy` is what was found, where the command was to find out: when false, the exit code is that of a refusal. */
export interface Answer {
  outcome: 'done';
  json: unknown;
  text: string;
  healthy?: boolean;
}

/** Nothing was changed, and why. `error` is one word for scripts, `description` one line for people. */
export interface Refusal {
  outcome: 'refused';
  error: string;
  description: string;
}

/** It was done: what there is to tell of it. */
export function done(json: unknown, text: string): Answer {
  return { outcome: 'done', json, text };
}

/** Nothing was changed: `error` is one word for scripts, `description` one line for people. */
export function refused(error: string, description: string): Refusal {
  return { outcome: 'refused', error, description };
}

/** The refusal of what does not exist; `what` names it. */
export function notFound(what: string): Refusal {
  return refused('not_found', `there is no ${what}`);
}
