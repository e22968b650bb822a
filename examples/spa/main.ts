/**
 * Serves a single-page app: four files, its settings, and the library that it signs in with. There is nothing else on the
 * server; everything happens in `public/app.js`.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const { ISSUER: issuer, CLIENT_ID: clientId, API: api, HOST: host = '127.0.0.1' } = process.env;
const port = Number(process.env.PORT ?? 4001);
const origin = process.env.ORIGIN ?? `http://localhost:${port}`;
if (!issuer || !clientId || !api) throw new Error('ISSUER, CLIENT_ID and API must be set');

const html = 'text/html; charset=utf-8';
const script = 'text/javascript; charset=utf-8';
const local = (file: string) => readFileSync(new URL(`public/${file}`, import.meta.url));
const library = fileURLToPath(import.meta.resolve('oidc-client-ts')).replace(
  /dist[/\\].*$/,
  'dist/browser/oidc-client-ts.min.js',
);

const page = { type: html, content: local('index.html') };
const files = new Map<string, { type: string; content: string | Buffer }>([
  ['/', page],
  ['/callback', page],
  ['/signed-out', page],
  ['/app.js', { type: script, content: local('app.js') }],
  ['/style.css', { type: 'text/css; charset=utf-8', content: local('style.css') }],
  ['/oidc-client-ts.js', { type: script, content: readFileSync(library) }],
  ['/settings.json', { type: 'application/json', content: JSON.stringify({ issuer, clientId, api }) }],
]);

const headers = {
  'Content-Security-Policy': [
    ...[
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
    ],
    ...["frame-ancestors 'none'", `connect-src 'self' ${new URL(issuer).origin} ${new URL(api).origin}`],
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  // The address holds the authorization code for a moment.
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
};

const server = createServer((request, response) => {
  const file = files.get((request.url ?? '/').split('?', 1)[0] ?? '/');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { ...headers, Allow: 'GET, HEAD' }).end();
  } else if (file === undefined) {
    response.writeHead(404, { ...headers, 'Content-Type': 'text/plain' }).end('not found\n');
  } else {
    response.writeHead(200, { ...headers, 'Content-Type': file.type }).end(file.content);
  }
});

server.listen(port, host, () => console.log(`SPA listening on ${origin}`));
