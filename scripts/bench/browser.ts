/** One person's browser at one origin: a connection, cookies, redirects within the origin, forms. */
import { CookieJar } from './cookie-jar.ts';
import { findForm } from './html-forms.ts';
import type { HttpConnection, HttpResponse } from './http-connection.ts';

export interface Page {
  path: string;
  html: string;
}

export type Arrival = { kind: 'page'; page: Page } | { kind: 'left'; location: URL };

const redirects = new Set([302, 303]);
const longestChain = 10;

export class Browser {
  readonly #connection: HttpConnection;
  readonly #origin: string;
  readonly #cookies = new CookieJar();

  constructor(connection: HttpConnection, origin: string) {
    this.#connection = connection;
    this.#origin = origin;
  }

  /** Opens an address and follows redirects until a page is shown or a redirect leaves the origin. */
  async open(path: string): Promise<Arrival> {
    return this.#follow(path, await this.#send('GET', path));
  }

  /** Fills in and submits the form that `control` belongs to. Throws when the page has no such form. */
  async submit(page: Page, control: string, values: Record<string, string>): Promise<Arrival> {
    const form = findForm(page.html, control);
    if (form?.method !== 'post') {
      throw new Error(`no form to post by ${control} on ${page.path}:\n${page.html.slice(0, 2000)}`);
    }
    const body = new URLSearchParams([...form.fields, ...Object.entries(values)]).toString();
    const target = new URL(form.action, this.#origin + page.path);
    const path = target.pathname + target.search;
    return this.#follow(path, await this.#send('POST', path, body));
  }

  async #follow(startPath: string, first: HttpResponse): Promise<Arrival> {
    let path = startPath;
    let response = first;
    for (let hop = 0; hop < longestChain; hop += 1) {
      if (response.status === 200) {
        return { kind: 'page', page: { path, html: response.body } };
      }
      const location = response.headers.get('location');
      if (!redirects.has(response.status) || location === undefined) {
        throw new Error(`${path} answered ${response.status}:\n${response.body.slice(0, 2000)}`);
      }
      const next = new URL(location, this.#origin + path);
      if (next.origin !== this.#origin) {
        return { kind: 'left', location: next };
      }
      path = next.pathname + next.search;
      response = await this.#send('GET', path);
    }
    throw new Error(`more than ${longestChain} redirects from ${startPath}`);
  }

  async #send(method: 'GET' | 'POST', path: string, form?: string): Promise<HttpResponse> {
    const question = path.indexOf('?');
    const pathname = question < 0 ? path : path.slice(0, question);
    const headers: Record<string, string> = { Accept: 'text/html' };
    const cookie = this.#cookies.headerFor(pathname);
    if (cookie) {
      headers.Cookie = cookie;
    }
    if (method === 'POST') {
      headers.Origin = this.#origin;
    }
    const response = await this.#connection.request({
      method,
      path,
      headers,
      ...(form === undefined ? {} : { form }),
    });
    this.#cookies.store(pathname, response.setCookie);
    return response;
  }
}
