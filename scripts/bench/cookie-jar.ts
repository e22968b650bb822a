/**
 * The cookies of one browser at one origin, by name and path (RFC 6265 sections 5.2 to 5.4). Paths matter here: what
 * a server pays for reading cookies depends on which ones are sent to it.
 */
interface Cookie {
  name: string;
  value: string;
  path: string;
}

export class CookieJar {
  readonly #cookies = new Map<string, Cookie>();

  /** Keeps or removes what a response to `requestPath` (without query) set. */
  store(requestPath: string, setCookie: readonly string[]): void {
    for (const line of setCookie) {
      const [pair = '', ...attributes] = line.split(';');
      const equals = pair.indexOf('=');
      const name = pair.slice(0, equals).trim();
      let path = requestPath.slice(0, requestPath.lastIndexOf('/')) || '/';
      let expired = false;
      for (const attribute of attributes) {
        const [key = '', value = ''] = attribute.trim().split('=', 2);
        switch (key.toLowerCase()) {
          case 'path':
            path = value.startsWith('/') ? value : path;
            break;
          case 'expires':
            expired ||= Date.parse(value) <= Date.now();
            break;
          case 'max-age':
            expired ||= Number(value) <= 0;
            break;
        }
      }
      const key = `${name};${path}`;
      if (expired) {
        this.#cookies.delete(key);
      } else {
        this.#cookies.set(key, { name, value: pair.slice(equals + 1).trim(), path });
      }
    }
  }

  /** The Cookie header for a request to `path` (without query), longest path first; '' when there is none. */
  headerFor(path: string): string {
    const matching = [...this.#cookies.values()].filter(
      (cookie) =>
        path === cookie.path ||
        (path.startsWith(cookie.path) && (cookie.path.endsWith('/') || path[cookie.path.length] === '/')),
    );
    matching.sort((a, b) => b.path.length - a.path.length);
    return matching.map(({ name, value }) => `${name}=${value}`).join('; ');
  }
}
