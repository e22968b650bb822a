/** Steps of an interaction, by the last part of their addresses, that take a form; by GET each shows its page, or leads to it. */
export const FORM_STEPS = [
  ...['login', 'passkey', 'passkey-options', 'consent', 'select', 'switch', 'cancel'],
  ...['reset', 'register', 'registration', 'upstream', 'connect'],
  ...['second-step', 'second-step-mail', 'second-step-passkey', 'second-step-passkey-options'],
  ...['enrol', 'enrol-passkey', 'enrol-passkey-options', 'go-on', 'give-up'],
] as const;

/** Those that are shown and take nothing. */
export const SHOWN_STEPS = ['mail-sent', 'password-changed'] as const;
