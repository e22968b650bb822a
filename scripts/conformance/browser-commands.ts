/**
 * What the suite's own browser does on our pages, in the language of its `browser` configuration. The pages are known by
 * their `data-page` and their buttons by the names that scripts rely on.
 */
import type { Person } from './person.ts';

export type Command = readonly (string | number)[];

export interface Task {
  task: string;
  match: string;
  optional?: boolean;
  commands?: Command[];
}

export interface Visit {
  match: string;
  /** For how many visits it counts; the next one that matches comes after. */
  'match-limit'?: number;
  tasks: Task[];
}

const SECONDS = 10;
const PAGE = '.+';

/** Waits for one of our pages; what is shown goes where the module asks for a picture of it. */
const show = (page: string, picture: 'update-image-placeholder' | 'update-image-placeholder-optional') =>
  ['wait', 'css', `body[data-page="${page}"]`, SECONDS, PAGE, picture] as const;

const AT_THE_CLIENT: Task = {
  task: 'At the client',
  match: '*/test/*/callback*',
  commands: [['wait', 'id', 'submission_complete', SECONDS]],
};

/** Modules that end on a page of ours instead of at the client. */
const REFUSED_AUTHORIZATIONS = [
  'oidcc-ensure-registered-redirect-uri',
  'oidcc-ensure-redirect-uri-in-authorization-request',
  'oidcc-redirect-uri-query-added',
  'oidcc-redirect-uri-query-mismatch',
  'fapi1-advanced-final-ensure-redirect-uri-in-authorization-request',
  'fapi1-advanced-final-ensure-registered-redirect-uri',
  'fapi1-advanced-final-ensure-request-object-without-redirect-uri-fails',
  'fapi1-advanced-final-par-attempt-to-use-request_uri-for-different-client',
  'fapi2-security-profile-final-par-attempt-to-use-request_uri-for-different-client',
];
const REFUSED_LOGOUTS = [
  'oidcc-rp-initiated-logout-bad-post-logout-redirect-uri',
  'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri',
  'oidcc-rp-initiated-logout-modified-id-token-hint',
  'oidcc-rp-initiated-logout-bad-id-token-hint',
];
/** Nobody says where to go then. */
const LOGOUTS_THAT_STAY = [
  'oidcc-rp-initiated-logout-no-id-token-hint',
  'oidcc-rp-initiated-logout-no-params',
  'oidcc-rp-initiated-logout-no-post-logout-redirect-uri',
  'oidcc-rp-initiated-logout-only-state',
];
const SECOND_LOGINS = ['oidcc-prompt-login', 'oidcc-max-age-1'];
/** The person does not want to sign in. */
const CANCELLED_LOGINS = [
  'fapi1-advanced-final-user-rejects-authentication',
  'fapi2-security-profile-final-user-rejects-authentication',
];
/** Looks at the login page first, and signs in at a second visit. */
const SECOND_VISITS = [
  'fapi1-advanced-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds',
  'fapi2-security-profile-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds',
];
const LOGIN_PAGES = [
  'oidcc-registration-logo-uri',
  'oidcc-registration-policy-uri',
  'oidcc-registration-tos-uri',
];

/** What the browser does, and what it does for single modules instead. */
export interface BrowserConfiguration {
  browser: Visit[];
  override: Record<string, { browser: Visit[] }>;
}

/** The `browser` and `override` members of a plan's configuration. */
export function browserConfiguration(
  issuer: string,
  person: Pick<Person, 'login' | 'password'>,
): BrowserConfiguration {
  const signIn = signingIn(issuer, person);
  const session = watchingSession();
  const logout = signingOut(issuer, [
    // By itself, or, where hidden frames are loaded first, when these are done.
    {
      task: 'Return',
      match: `${issuer}/*`,
      optional: true,
      commands: [['wait', 'contains', '/test/', SECONDS]],
    },
  ]);
  const refusedLogout: Visit = {
    match: `${issuer}/session/end*`,
    tasks: [
      { task: 'Error page', match: `${issuer}/*`, commands: [show('error', 'update-image-placeholder')] },
    ],
  };
  const loggedOut = signingOut(issuer, [
    { task: 'Logged out', match: `${issuer}/*`, commands: [show('logged-out', 'update-image-placeholder')] },
  ]);
  const refused: Visit = {
    match: `${issuer}/auth*`,
    tasks: [
      { task: 'Error page', match: `${issuer}/*`, commands: [show('error', 'update-image-placeholder')] },
    ],
  };
  const loginPage: Visit = {
    match: `${issuer}/auth*`,
    tasks: [
      {
        task: 'Login page',
        match: `${issuer}/interaction/*`,
        commands: [show('login', 'update-image-placeholder')],
      },
    ],
  };
  const cancelled: Visit = {
    match: `${issuer}/auth*`,
    tasks: [
      { task: 'Cancel', match: `${issuer}/interaction/*`, commands: [['click', 'id', 'cancel']] },
      AT_THE_CLIENT,
    ],
  };
  const lookOnce: Visit = {
    match: `${issuer}/auth*`,
    'match-limit': 1,
    tasks: [{ task: 'Login page', match: `${issuer}/interaction/*` }],
  };
  const each = (modules: readonly string[], browser: Visit[]) =>
    modules.map((module) => [module, { browser }] as const);
  return {
    browser: [signIn, logout, session],
    override: Object.fromEntries([
      ...each(REFUSED_AUTHORIZATIONS, [refused]),
      ...each(REFUSED_LOGOUTS, [signIn, refusedLogout]),
      ...each(LOGOUTS_THAT_STAY, [signIn, loggedOut]),
      ...each(SECOND_LOGINS, [signingIn(issuer, person, 'picture')]),
      ...each(LOGIN_PAGES, [loginPage]),
      ...each(CANCELLED_LOGINS, [cancelled]),
      ...each(SECOND_VISITS, [lookOnce, signIn]),
    ]),
  };
}

/** Signs in and consents, as far as either is asked for; a module's second visit may find a session. */
function signingIn(
  issuer: string,
  { login, password }: Pick<Person, 'login' | 'password'>,
  picture?: 'picture',
): Visit {
  const interaction = `${issuer}/interaction/*`;
  const shown = picture === undefined ? [] : [show('login', 'update-image-placeholder-optional')];
  return {
    match: `${issuer}/auth*`,
    tasks: [
      {
        task: 'Login',
        match: interaction,
        optional: true,
        commands: [
          ...shown,
          ['text', 'id', 'login', login, 'optional'],
          ['text', 'id', 'password', password, 'optional'],
          ['click', 'id', 'submit', 'optional'],
        ],
      },
      { task: 'Consent', match: interaction, optional: true, commands: [['click', 'id', 'approve']] },
      AT_THE_CLIENT,
    ],
  };
}

function signingOut(issuer: string, then: Task[]): Visit {
  return {
    match: `${issuer}/session/end*`,
    tasks: [{ task: 'Confirm', match: `${issuer}/*`, commands: [['click', 'id', 'confirm']] }, ...then],
  };
}

/** The module's own page asks our frame, and goes on to where it tells the answer. */
function watchingSession(): Visit {
  return {
    match: '*session_verify*',
    tasks: [
      {
        task: 'Session state',
        match: '*/test/*',
        commands: [['wait', 'contains', 'session_result', SECONDS]],
      },
    ],
  };
}
