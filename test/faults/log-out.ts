import type { FormBrowser, Landing } from '../flows/form-browser.ts';

/** Signs out; who is signed out already is sent on by a page that submits itself. */
export async function logOut(browser: FormBrowser, idToken: string): Promise<Landing> {
  const page = await browser.visit(`/session/end?id_token_hint=${idToken}`);
  if (page.pageName === 'logout') return browser.submit(page, 'confirm');
  return page.page.includes('/session/end/confirm') ? browser.submitItself(page) : page;
}
