import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A message, taken apart. */
export interface ReadMail {
  /** By name in lower case; folded lines are joined, encoded words decoded. */
  headers: Map<string, string>;
  text: string;
  html: string;
}

function decodedWords(value: string): string {
  return value
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?([\w-]+)\?([BQ])\?([^?]*)\?=/gi, (_whole, _charset, encoding: string, word: string) =>
      encoding.toUpperCase() === 'B'
        ? Buffer.from(word, 'base64').toString()
        : decodedQuotedPrintable(word.replaceAll('_', ' ')),
    );
}

function decodedQuotedPrintable(text: string): string {
  const bytes = text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/gi, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

function headersOf(source: string): { headers: Map<string, string>; body: string } {
  const end = source.indexOf('\r\n\r\n');
  const headers = new Map<string, string>();
  for (const line of source
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), decodedWords(line.slice(colon + 1).trim()));
  }
  return { headers, body: source.slice(end + 4) };
}

function decodedBody({ headers, body }: { headers: Map<string, string>; body: string }): string {
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString();
  return encoding === 'quoted-printable' ? decodedQuotedPrintable(body) : body;
}

/** Takes a message (RFC 5322, multipart/alternative) apart. */
export function readMail(source: string): ReadMail {
  const { headers, body } = headersOf(source);
  const boundary = /boundary="?([^";]+)"?/.exec(headers.get('content-type') ?? '')?.[1] ?? '';
  const parts = body
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => headersOf(part.replace(/^\r\n/, '')));
  const partOf = (type: string): string => {
    const part = parts.find((candidate) => candidate.headers.get('content-type')?.startsWith(type));
    return part === undefined ? '' : decodedBody(part);
  };
  return { headers, text: partOf('text/plain'), html: partOf('text/html') };
}

/** The messages of a data directory's outbox, oldest first. */
export function readOutbox(dataDir: string): ReadMail[] {
  const folder = join(dataDir, 'outbox');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.eml'))
    .sort()
    .map((name) => readMail(readFileSync(join(folder, name), 'latin1')));
}

/** The link in a message's plain text. Throws when there is none. */
export function linkIn(mail: ReadMail): URL {
  const found = /https?:\/\/\S+\?link=[\w-]+/.exec(mail.text)?.[0];
  if (found === undefined) throw new Error(`no link in:\n${mail.text}`);
  return new URL(found);
}
