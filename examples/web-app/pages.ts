import type { SignedIn } from './sessions.ts';

/** Text that is safe in HTML. */
class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Puts values into HTML, escaped unless they are HTML themselves. */
function html(parts: TemplateStringsArray, ...values: unknown[]): Html {
  return new Html(String.raw({ raw: parts }, ...values.map(render)));
}

function render(value: unknown): string {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(render).join('');
  return String(value ?? '').replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function page(name: string, title: string, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Book Club</title>
<link rel="stylesheet" href="/style.css">
</head>
<body data-page="${name}">
<header><a href="/">Book Club</a> <small>an example web app</small></header>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`.text;
}

/** For somebody who has not signed in. */
export function welcomePage(): string {
  return page(
    'welcome',
    'Welcome to the Book Club',
    html`<p id="status">You are not signed in.</p>
<p>This app has no accounts of its own: it sends you to an OpenID provider and learns from it who you are.</p>
<p><a class="button" id="sign-in" href="/sign-in">Sign in</a></p>`,
  );
}

/** For somebody who has. */
export function memberPage(person: SignedIn, notice?: string): string {
  const { claims, expiresAt } = person;
  const name = claims.name ?? claims.email ?? claims.sub;
  return page(
    'member',
    `Hello, ${String(name)}`,
    html`<p id="status">Signed in as <strong id="name">${name}</strong>.</p>
${notice === undefined ? '' : html`<p class="notice" id="notice" role="status">${notice}</p>`}
<div class="buttons">
<form method="post" action="/refresh"><button id="refresh">Refresh the tokens</button></form>
<form method="post" action="/userinfo"><button id="userinfo">Ask userinfo again</button></form>
<form method="post" action="/sign-out"><button id="sign-out">Sign out</button></form>
</div>
<h2>What the provider says about you</h2>
<table id="claims">
<thead><tr><th scope="col">Claim</th><th scope="col">Value</th></tr></thead>
<tbody>
${Object.entries(claims).map(
  ([claim, value]) =>
    html`<tr data-claim="${claim}"><th scope="row">${claim}</th><td>${shown(value)}</td></tr>\n`,
)}</tbody>
</table>
<p>The access token ends at <time id="token-expiry" datetime="${new Date(expiresAt).toISOString()}">${new Date(expiresAt).toLocaleTimeString('en-GB')}</time>.</p>`,
  );
}

/** After signing out here and at the provider. */
export function signedOutPage(): string {
  return page(
    'signed-out',
    'Signed out',
    html`<p id="status">You are signed out.</p><p><a class="button" id="sign-in" href="/sign-in">Sign in again</a></p>`,
  );
}

/** When something did not work out; `detail` is shown to the person. */
export function errorPage(title: string, detail: string): string {
  return page(
    'error',
    title,
    html`<p id="error">${detail}</p><p><a class="button" id="sign-in" href="/sign-in">Try again</a></p>`,
  );
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
