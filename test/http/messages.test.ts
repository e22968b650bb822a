import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { SafeHtml } from '../../lib/http/html.ts';
import { createMessages, placeholdersOf } from '../../lib/http/messages.ts';
import { VIEWS_FOLDER } from '../../lib/http/static-assets.ts';

const readCatalogue = (file: string): Record<string, string> =>
  JSON.parse(readFileSync(join(VIEWS_FOLDER, 'messages', file), 'utf8'));
const english = readCatalogue('en.json');
const others = readdirSync(join(VIEWS_FOLDER, 'messages')).filter((file) => file !== 'en.json');

const templates = readdirSync(VIEWS_FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.eta'))
  .map((file) => ({ file, source: readFileSync(join(VIEWS_FOLDER, file), 'utf8') }));

/** Families whose keys are put together from a value: what the templates ask for is checked by rendering them. */
const FAMILIES: Record<string, readonly string[]> = {
  scope: ['openid', 'profile', 'email', 'phone', 'address'],
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
    ...['phone_number_verified', 'address', 'updated_at'],
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
  'password.hint': ['one', 'other'],
  'password.short': ['one', 'other'],
  password: ['too_long', 'common', 'personal', 'other'],
  'link-result': [
    'password-changed',
    'registered',
    'already-registered',
    'email-verified',
    'expired',
  ].flatMap((result) => [`${result}.title`, `${result}.text`]),
  mail: [
    ...['reset', 'register', 'verify-email', 'invitation'].map((kind) => `${kind}.button`),
    ...['reset', 'register', 'already-registered', 'password-changed', 'verify-email', 'invitation'].flatMap(
      (kind) => [`${kind}.subject`, `${kind}.text`, `${kind}.note`],
    ),
    ...['once', 'instead', 'footer'],
  ],
};

/** English and German happen to say these alike. */
const SAME_IN_GERMAN = new Set(['layout.problem', 'consent.api']);

describe('message catalogues', () => {
  it('are more than one', () => {
    expect(others).to.include('de.json');
  });

  for (const file of others) {
    it(`${file} has the keys and placeholders of en.json, and nothing left untranslated`, () => {
      const catalogue = readCatalogue(file);
      expect(Object.keys(catalogue)).to.have.members(Object.keys(english));
      for (const [key, message] of Object.entries(catalogue)) {
        expect(placeholdersOf(message), key).to.deep.equal(placeholdersOf(english[key] as string));
        expect(message.trim(), key).not.to.equal('');
        if (!SAME_IN_GERMAN.has(key)) expect(message, key).not.to.equal(english[key]);
      }
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
