import type { ClientView, LanguageSwitchView } from '../pages/view-parts.ts';

/** An application with everything that one can have, but for a logo: its address would have to be there. */
export const CLIENT_SAMPLE: ClientView = {
  name: 'Orchard Notes',
  uri: 'https://notes.example/',
  policyUri: 'https://notes.example/privacy',
  tosUri: 'https://notes.example/terms',
  accentColor: '#8a4b00',
};

/** The language form below a page. */
export const LANGUAGE_SWITCH_SAMPLE: LanguageSwitchView = {
  action: '/language',
  csrfToken: 'sample',
  returnTo: '/interaction/sample',
};
