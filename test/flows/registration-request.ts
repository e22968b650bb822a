import { type Answer, answerOf } from './application.ts';

/** A redirect URI that registrations have. */
export const CALLBACK = 'https://app.example.com/callback';
const SCRIPT = { 'Content-Type': 'application/json' };

/** A request to the registration endpoint, or to one registration. */
export async function send(
  url: string,
  method: string,
  { body, token }: { body?: unknown; token?: string | undefined } = {},
): Promise<Answer> {
  return answerOf(
    await fetch(url, {
      method,
      headers: {
        ...(body === undefined ? {} : SCRIPT),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }),
  );
}
