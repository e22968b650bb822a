import type { Redis } from 'ioredis';

/** What a server says of itself in an answer of INFO, by name. */
export function readInfo(text: string): ReadonlyMap<string, string> {
  const facts = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return facts;
}

/** A setting of a server; undefined where we may not read it, as with many services and ACL users with few rights. */
export async function settingOf(server: Redis, name: string): Promise<string | undefined> {
  try {
    const reply = await server.config('GET', name);
    return Array.isArray(reply) ? String(reply[1]) : undefined;
  } catch (error) {
    if (error instanceof Error && /unknown command|^NOPERM\b/i.test(error.message)) return undefined;
    throw error;
  }
}
