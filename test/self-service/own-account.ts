import { expect } from 'chai';
import { ADA, type Credentials } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { eventually, type LatchkeyProcess } from '../flows/latchkey-process.ts';
import { type ReadMail, readOutbox } from '../mail/read-mail.ts';

let people = 0;

/** Somebody who is there for one test alone. */
export async function newcomer(latchkey: LatchkeyProcess): Promise<Credentials> {
  people += 1;
  const login = `person${people}@example.com`;
  await latchkey.createPerson(login, ADA.password);
  return { login, password: ADA.password };
}

/** A browser in which somebody has signed in at their account page. */
export async function signedInBrowser(latchkey: LatchkeyProcess, person = ADA): Promise<FormBrowser> {
  const browser = new FormBrowser(latchkey.issuer);
  const landing = await openPage(browser, '/account', person);
  expect(landing).to.include({ status: 200, pageName: 'account' });
  return browser;
}

/** Opens an own page, and signs in when that is asked for. */
export function openPage(browser: FormBrowser, path: string, person = ADA): Promise<Landing> {
  return browser.authorize(path, person);
}

/** Waits for a mail with this subject to this address. */
export async function mailTo(dataDir: string, to: string, subject: string): Promise<ReadMail> {
  const find = (): ReadMail | undefined =>
    readOutbox(dataDir)
      .filter(({ headers }) => headers.get('to') === to && headers.get('subject') === subject)
      .at(-1);
  await eventually(`a mail to ${to}: ${subject}`, () => find() !== undefined);
  return find() as ReadMail;
}
