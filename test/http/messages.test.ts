import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { SafeHtml } from '../../lib/http/pages/html.ts';
import { createMessages, placeholdersOf } from '../../lib/http/pages/messages.ts';
import { VIEWS_FOLDER } from '../../lib/http/pages/static-assets.ts';

const readCatalogue = (file: string): Record<string, string> =>
  JSON.parse(readFileSync(join(VIEWS_FOLDER, 'messages', file), 'utf8'));
const english = readCatalogue('en.json');
const others = readdirSync(join(VIEWS_FOLDER, 'messages')).filter((file) => file !== 'en.json');

const templates = readdirSync(VIEWS_FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.eta'))
  .map((file) => ({ file, source: readFileSync(join(VIEWS_FOLDER, file), 'utf8') }));

const SECTIONS = [
  ...[
    'overview',
    'profile',
    'email',
    'password',
    'passkeys',
    'identities',
    'two-step',
    'sessions',
    'applications',
  ],
  ...['requests', 'activity', 'data'],
];
const SECURITY_MAILS = [
  ...['password-changed', 'email-change-asked', 'email-changed', 'deletion-asked', 'deletion-cancelled'],
  ...['account-deleted', 'two-step-added', 'two-step-removed', 'recovery-codes-made'],
  'recovery-code-used',
  ...['passkey-added', 'passkey-removed', 'passkey-copied', 'identity-linked', 'identity-unlinked'],
];

/** Families whose keys are put together from a value: what the templates ask for is checked by rendering them. */
const FAMILIES: Record<string, readonly string[]> = {
  scope: ['openid', 'profile', 'email', 'phone', 'address', 'groups'],
  claim: [
    ...[
      'name',
      'given_name',
      'family_name',
      'middle_name',
      'nickname',
      'preferred_username',
      'profile',
      'picture',
    ],
    ...['website', 'email', 'email_verified', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number'],
    ...['phone_number_verified', 'address', 'updated_at', 'groups'],
  ],
  error: [
    ...['invalid_request', 'invalid_client', 'unauthorized_client', 'invalid_redirect_uri', 'invalid_scope'],
    ...['access_denied', 'server_error', 'temporarily_unavailable', 'form_rejected', 'not_found'],
    ...['method_not_allowed', 'payload_too_large', 'too_many_requests', 'session_changed'],
  ].flatMap((code) => [`${code}.title`, `${code}.text`]),
  expired: ['completed', 'changed', 'unknown'],
  'device-ended': ['approved', 'refused', 'answered'].flatMap((reason) => [
    `${reason}.title`,
    `${reason}.text`,
  ]),
  'duration.minutes': ['one', 'other'],
  'account-passkeys.problem': [
    ...['expired', 'known', 'too_many', 'unverified', 'not_allowed', 'invalid', 'last'],
  ],
  'upstream-problem': [
    ...['title', 'again', 'other', 'denied', 'unreachable', 'untrusted', 'used', 'stale', 'disabled'],
  ],
  'account-identities.problem': [...['denied', 'unreachable', 'untrusted', 'used', 'stale', 'taken', 'last']],
  'account.section': SECTIONS,
  'account.about': SECTIONS.filter((section) => section !== 'overview'),
  'account.done': [
    ...['saved', 'password-changed', 'email-change-asked', 'verification-sent', 'session-ended'],
    ...['sessions-ended', 'application-removed'],
    ...['passkey-added', 'passkey-renamed', 'passkey-removed', 'identity-linked', 'identity-unlinked'],
    ...['two-step-added', 'two-step-present', 'two-step-removed', 'device-forgotten'],
    ...['request-confirmed', 'request-refused', 'request-gone'],
  ],
  activity: [
    ...['signed-in', 'sign-in-failed', 'profile-changed', 'session-ended', 'sessions-ended'],
    ...['application-allowed', 'application-removed', 'data-exported', 'other'],
    ...['request-confirmed', 'request-refused'],
    ...SECURITY_MAILS.filter((kind) => kind !== 'account-deleted'),
  ],
  'device-name': ['both', 'none'],
  'profile-field': ['name', 'given_name', 'family_name', 'nickname', 'locale', 'zoneinfo'],
  'account-delete.days': ['one', 'other'],
  'account-two-step.passkeys': ['one', 'other'],
  'account-two-step.codes.left': ['one', 'other'],
  'second-step.remember': ['one', 'other'],
  'second-step.recovery-code.left': ['one', 'other'],
  'password.hint': ['one', 'other'],
  'password.short': ['one', 'other'],
  password: ['too_long', 'common', 'personal', 'breached', 'other'],
  'link-result': [
    'password-changed',
    'registered',
    'already-registered',
    'email-verified',
    'email-changed',
    'deletion-asked',
    'expired',
  ].flatMap((result) => [`${result}.title`, `${result}.text`]),
  mail: [
    ...['reset', 'register', 'verify-email', 'invitation', 'change-email', 'sign-in-request'].map(
      (kind) => `${kind}.button`,
    ),
    ...[
      ...['reset', 'register', 'already-registered', 'verify-email', 'invitation'],
      ...['change-email', 'change-email-taken', 'sign-in-code', 'sign-in-request'],
      ...SECURITY_MAILS,
    ].flatMap((kind) => [`${kind}.subject`, `${kind}.text`, `${kind}.note`]),
    ...['once', 'instead', 'footer'],
  ],
};

/** What a language happens to say as English does. */
const SAME_AS_ENGLISH: Record<string, readonly string[]> = {
  'de.json': ['layout.problem', 'consent.api', 'account.section.passkeys'],
  'fr.json': ['duration.minutes.one', 'duration.minutes.other', 'account.section.applications'],
  'es.json': ['error.status'],
};

/** The keys of English, with the plural forms that a language has for whole numbers up to a thousand. */
function keysFor(locale: string): string[] {
  const rules = new Intl.PluralRules(locale);
  const forms = new Set(Array.from({ length: 1001 }, (_, count) => rules.select(count)));
  const families = Object.keys(english).filter((key) => key.endsWith('.one'));
  const plain = Object.keys(english).filter(
    (key) => !families.some((one) => [one, one.replace(/one$/, 'other')].includes(key)),
  );
  return [...plain, ...families.flatMap((one) => Array.from(forms, (form) => one.replace(/one$/, form)))];
}

describe('message catalogues', () => {
  it('are those of six languages', () => {
    expect(others).to.have.members(['de.json', 'es.json', 'fr.json', 'ja.json', 'zh-Hans.json']);
  });

  for (const file of others) {
    it(`${file} has the keys and placeholders of en.json, and nothing left untranslated`, () => {
      const catalogue = readCatalogue(file);
      expect(Object.keys(catalogue)).to.have.members(keysFor(file.replace('.json', '')));
      const same: string[] = [];
      for (const [key, message] of Object.entries(catalogue)) {
        expect(placeholdersOf(message), key).to.deep.equal(placeholdersOf(english[key] as string));
        expect(message.trim(), key).to.equal(message).and.not.to.equal('');
        if (message === english[key]) same.push(key);
      }
      expect(same).to.have.members([...(SAME_AS_ENGLISH[file] ?? [])]);
    });

    it(`${file} is written with the marks of its language`, () => {
      const all = Object.values(readCatalogue(file)).join('\n');
      expect(all, 'straight quotation marks').not.to.match(/["']/);
      if (file === 'fr.json')
        expect(all, 'plain spaces at double marks').not.to.match(/ [:;?!»]|« |[^\s:;?!]\?/);
      if (file === 'es.json') expect(all.match(/¿/g)?.length).to.equal(all.match(/\?/g)?.length);
      if (file === 'zh-Hans.json')
        expect(all, 'marks of Latin script').not.to.match(/[\p{Script=Han}][,.;:?!]/u);
      if (file === 'ja.json')
        expect(all, 'marks of Latin script').not.to.match(/[\p{Script=Hiragana}][,.;?!]/u);
    });
  }

  it('have every message that a template asks for, and none that nothing asks for', () => {
    const asked = new Set<string>();
    for (const { source } of templates) {
      for (const [, key] of source.matchAll(/\bit\.(?:t|text)\('([^']+)'[,)]/g)) asked.add(key as string);
    }
    for (const key of ['consent.other-scope', 'consent.other-claim']) asked.add(key);
    for (const [family, names] of Object.entries(FAMILIES)) {
      for (const name of names) asked.add(`${family}.${name}`);
    }
    expect([...asked].sort()).to.deep.equal(Object.keys(english).sort());
  });

  it('are the only place with words: templates hold no text of their own', () => {
    for (const { file, source } of templates) {
      const text = source
        .replace(/<%[\s\S]*?%>/g, '')
        .replace(/<[^>]*>/g, '')
        .replace(/[\s:·]+/g, '');
      expect(text, file).to.equal('');
    }
  });

  it('are printed through escaping tags only; raw ones compose templates', () => {
    for (const { file, source } of templates) {
      for (const [tag] of source.matchAll(/<%~[\s\S]*?%>/g)) {
        expect(tag, file).to.match(/^<%~ (include\('@partials\/[a-z]+'(, \{ [^}]* \})?\)|it\.body) %>$/);
      }
      expect(source, `${file}: values in attributes are quoted`).not.to.match(/=<%/);
    }
  });
});

describe('messages', () => {
  const messages = createMessages('en', {
    plain: 'Fish & <chips>',
    greeting: 'Hello {name}, {name}!',
    'fish.one': '{count} fish',
    'fish.other': '{count} fishes',
  });

  it('escapes the text and its values, and isolates the values', () => {
    expect(messages.html('plain').html).to.equal('Fish &amp; &lt;chips&gt;');
    expect(messages.html('greeting', { name: '<b>{name}$&' }).html).to.equal(
      'Hello <bdi>&lt;b&gt;{name}$&amp;</bdi>, <bdi>&lt;b&gt;{name}$&amp;</bdi>!',
    );
  });

  it('takes markup that was made safe as it is', () => {
    expect(messages.html('greeting', { name: new SafeHtml('<i>x</i>') }).html).to.equal(
      'Hello <i>x</i>, <i>x</i>!',
    );
  });

  it('needs no form for one where a language has none', () => {
    const japanese = createMessages('ja', { 'fish.other': '{count} 匹' });
    expect(japanese.plural('fish', 1).html).to.equal('1 匹');
  });

  it('chooses the plural form and writes the number in the language', () => {
    expect(messages.plural('fish', 1).html).to.equal('1 fish');
    expect(messages.plural('fish', 1200).html).to.equal('1,200 fishes');
  });

  it('throws for a message or a value that is not there', () => {
    expect(() => messages.html('nothing')).to.throw(TypeError, 'nothing');
    expect(() => messages.html('toString')).to.throw(TypeError);
    expect(() => messages.html('greeting')).to.throw(TypeError, '{name}');
    expect(() => messages.html('greeting', { nme: 'x' })).to.throw(TypeError);
  });
});
