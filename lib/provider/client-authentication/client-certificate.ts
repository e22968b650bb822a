import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type Koa from 'koa';

/** A certificate that the sender of a request has proved to hold the key of, on its own connection or to a trusted proxy. */
export interface ClientCertificate {
  certificate: X509Certificate;
  /** Whether one of the operator's authorities vouches for it. */
  verified: boolean;
}

/** The certificate that came with a request; lib/http knows where from. */
export function clientCertificateOf(ctx: Koa.Context): ClientCertificate | undefined {
  return (ctx.request as { clientCertificate?: ClientCertificate }).clientCertificate;
}

/** One part of a distinguished name. */
interface NamePart {
  type: string;
  value: string;
}

function unescaped(value: string): string {
  const bytes: Buffer[] = [];
  for (const [, pair, character, plain] of value.matchAll(/\\([\da-f]{2})|\\(.)|([^\\]+)/gis)) {
    bytes.push(pair === undefined ? Buffer.from(character ?? plain ?? '') : Buffer.from(pair, 'hex'));
  }
  return Buffer.concat(bytes).toString();
}

/** The parts of a name, split at separators that are not escaped; undefined when it is none (RFC 4514 §3). */
function nameParts(text: string, separator: ',' | '\n'): NamePart[][] | undefined {
  const within = separator === ',' ? /(?:\\.|[^\\,])+/gs : /(?:\\.|[^\\\n])+/gs;
  const relative: NamePart[][] = [];
  for (const [piece] of text.matchAll(within)) {
    const parts: NamePart[] = [];
    for (const [one] of piece.matchAll(/(?:\\.|[^\\+])+/gs)) {
      const [, type, value] = /^\s*([a-z][\w-]*|\d+(?:\.\d+)*)\s*=\s*((?:\\.|[^\\])*?)\s*$/is.exec(one) ?? [];
      if (type === undefined || value === undefined) return undefined;
      parts.push({ type: type.toUpperCase(), value: unescaped(value) });
    }
    relative.push(parts.sort((one, other) => (one.type < other.type ? -1 : 1)));
  }
  return relative;
}

/**
 * Whether a certificate's subject is the one registered, in the string form of RFC 4514. Part by part and to the letter: a
 * certificate whose parts come in another order is another subject.
 */
export function subjectNameMatches(certificate: X509Certificate, registered: string): boolean {
  const wanted = nameParts(registered, ',');
  // Node lists the parts as the certificate has them, the most general first; RFC 4514 §2.1 begins with the last.
  const actual = nameParts(certificate.subject, '\n')?.reverse();
  return wanted !== undefined && wanted.length > 0 && JSON.stringify(wanted) === JSON.stringify(actual);
}

const ALTERNATIVE_NAME = /(DNS|URI|IP Address|email):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

/** An IP address in one form. */
function plainAddress(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname : address;
}

/** Whether a certificate has exactly this alternative name. Other kinds of names are passed over, one that cannot be read ends the search. */
export function alternativeNameMatches(
  certificate: X509Certificate,
  kind: 'DNS' | 'URI' | 'IP Address' | 'email',
  registered: string,
): boolean {
  const text = certificate.subjectAltName ?? '';
  const plain = (name: string): string => {
    if (kind === 'DNS') return name.toLowerCase();
    return kind === 'IP Address' ? plainAddress(name) : name;
  };
  for (let at = 0; at < text.length; ) {
    ALTERNATIVE_NAME.lastIndex = at;
    const [whole, found, value = ''] = ALTERNATIVE_NAME.exec(text) ?? [];
    if (whole === undefined || whole === '') {
      // A kind that clients cannot register, up to its end.
      const end = text.indexOf(', ', at);
      if (end === -1 || text.slice(at, end).includes('"')) return false;
      at = end + 2;
      continue;
    }
    at += whole.length;
    const name = value.startsWith('"') ? (JSON.parse(value) as string) : value;
    if (found === kind && plain(name) === plain(registered)) return true;
  }
  return false;
}
