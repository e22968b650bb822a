import { isLoopbackHost } from './loopback.ts';

/** The server that takes our mail. */
export interface SmtpAddress {
  readonly host: string;
  readonly port: number;
  /**
   * `implicit`: TLS from the first byte (RFC 8314 section 3); `required`: STARTTLS or nothing; `off`: in the clear, on this
   * machine or where the operator said so.
   */
  readonly tls: 'implicit' | 'required' | 'off';
  readonly username?: string;
  readonly password?: string;
}

const form = /^(smtps?):\/\/(?:([^@/?#]*)@)?(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?\/?(?:\?([^#]*))?$/i;

/** What is wrong with a URL; completes the sentence "this value …" and never quotes it, since it may hold a password. */
class UnusableSmtpUrl extends Error {}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UnusableSmtpUrl('must have its user name and password percent-encoded');
  }
}

function credentialsOf(text: string): Pick<SmtpAddress, 'username' | 'password'> {
  if (text === '') return {};
  const colon = text.indexOf(':');
  if (colon < 1 || colon === text.length - 1) {
    throw new UnusableSmtpUrl('must have a user name and a password (user:password@), or neither');
  }
  return { username: decoded(text.slice(0, colon)), password: decoded(text.slice(colon + 1)) };
}

function startTlsOf(query: string, host: string): 'required' | 'off' {
  const parameters = new URLSearchParams(query);
  const given = parameters.get('starttls');
  if ([...parameters.keys()].some((key) => key !== 'starttls') || parameters.size > 1) {
    throw new UnusableSmtpUrl('must have no parameter but starttls');
  }
  if (given === null) return isLoopbackHost(host) ? 'off' : 'required';
  if (given !== 'required' && given !== 'off') {
    throw new UnusableSmtpUrl('must have starttls=required or starttls=off');
  }
  return given;
}

function parse(url: string): SmtpAddress {
  const [, scheme, userInfo = '', bracketed, plain, port, query] = form.exec(url) ?? [];
  const host = bracketed ?? plain;
  if (scheme === undefined || host === undefined) {
    throw new UnusableSmtpUrl(
      'must be smtp:// or smtps://, then user:password@host:port; @, / and ? within a password are percent-encoded',
    );
  }
  const implicit = scheme.toLowerCase() === 'smtps';
  if (implicit && query !== undefined) throw new UnusableSmtpUrl('must not have a query (?…) with smtps');
  const number = port === undefined ? (implicit ? 465 : 587) : Number(port);
  if (number < 1 || number > 65_535) throw new UnusableSmtpUrl('must have a port from 1 to 65535');
  const tls = implicit ? 'implicit' : startTlsOf(query ?? '', host);
  const credentials = credentialsOf(userInfo);
  if (credentials.password !== undefined && tls === 'off' && !isLoopbackHost(host)) {
    throw new UnusableSmtpUrl('must not send a password in the clear: leave starttls=off out');
  }
  return { host, port: number, tls, ...credentials };
}

/**
 * Reads `smtp://user:password@host:587` (STARTTLS, which the server must offer unless it is on this machine or
 * `?starttls=off` says otherwise) or `smtps://user:password@host:465`. Answers what is wrong with it as text that never
 * quotes it.
 */
export function parseSmtpUrl(url: string): SmtpAddress | string {
  try {
    return parse(url);
  } catch (error) {
    if (error instanceof UnusableSmtpUrl) return error.message;
    throw error;
  }
}
