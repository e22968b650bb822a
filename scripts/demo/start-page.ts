import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Addresses } from './addresses.ts';

/** The one page that the demo names: what there is, and what to click. */
export interface StartPage {
  close(): Promise<void>;
}

/**
 * Serves the start page. It carries `mark`, by which a second demo on the same folder sees that this one runs; the demo
 * account's password is for the terminal alone.
 */
export async function serveStartPage(addresses: Addresses, login: string, mark: string): Promise<StartPage> {
  const style = readFileSync(new URL('start-page.css', import.meta.url));
  const page = startPage(addresses, login, mark);
  const host = new URL(addresses.startPage.origin).host;
  const headers = {
    'Content-Security-Policy':
      "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  };
  const server = createServer((request, response) => {
    if (request.headers.host !== host) {
      response.writeHead(421, headers).end();
    } else if (request.url === '/') {
      response.writeHead(200, { ...headers, 'Content-Type': 'text/html; charset=utf-8' }).end(page);
    } else if (request.url === '/style.css') {
      response.writeHead(200, { ...headers, 'Content-Type': 'text/css; charset=utf-8' }).end(style);
    } else {
      response.writeHead(404, headers).end();
    }
  });
  server.listen(addresses.startPage.port, '127.0.0.1');
  await once(server, 'listening');
  return {
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Whether the demo that left this mark still answers at this address. */
export async function demoRunsAt(address: string, mark: string): Promise<boolean> {
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(2000) });
    return (await response.text()).includes(mark);
  } catch {
    return false;
  }
}

function startPage({ provider, webApp, singlePageApp, api }: Addresses, login: string, mark: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="demo" content="${mark}">
<title>Latchkey demo</title>
<link rel="stylesheet" href="/style.css">
</head>
<body data-page="start">
<main>
<h1>Latchkey demo</h1>
<p>A provider and three programs that use it run on this machine. Sign in as <strong>${login}</strong>; the password is in
the terminal that you started the demo from.</p>
<section aria-labelledby="web-app-title">
<h2 id="web-app-title">1. A web app</h2>
<ol>
<li>Open the Book Club and choose <em>Sign in</em>.</li>
<li>Enter the demo account, and allow access.</li>
<li>You see what the app has learned of you. Sign out and in again: you are not asked to allow access twice.</li>
</ol>
<p><a class="button" id="web-app" href="${webApp.origin}">Open the Book Club</a></p>
</section>
<section aria-labelledby="spa-title">
<h2 id="spa-title">2. A single-page app and an API</h2>
<ol>
<li>Open Notes and choose <em>Sign in</em>. If you are signed in at the Book Club, nobody asks for your password.</li>
<li><em>Read notes</em>: the API accepts the token. <em>Write a note</em>: it answers 403, because the token lacks that scope.</li>
<li><em>Read without a token</em> and <em>with a forged token</em>: two different 401s.</li>
<li>Open Notes in a second tab and renew the token in both. Neither is signed out.</li>
</ol>
<p><a class="button" id="single-page-app" href="${singlePageApp.origin}">Open Notes</a></p>
</section>
<section aria-labelledby="addresses-title">
<h2 id="addresses-title">Addresses</h2>
<dl>
<dt>Provider</dt><dd><a href="${provider.origin}">${provider.origin}</a></dd>
<dt>Discovery</dt><dd><a href="${provider.origin}/.well-known/openid-configuration">${provider.origin}/.well-known/openid-configuration</a></dd>
<dt>API</dt><dd><a href="${api.origin}">${api.origin}</a></dd>
</dl>
</section>
</main>
</body>
</html>
`;
}
