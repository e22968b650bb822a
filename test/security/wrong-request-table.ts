import type { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { wrongAuthorizationRequests } from './wrong-authorization-requests.ts';
import { wrongCredentials } from './wrong-credentials.ts';
import { wrongGrants } from './wrong-grants.ts';
import { wrongRequestSenders } from './wrong-request-senders.ts';

/** A request that somebody got wrong: its name, how it is sent, the error it is answered with, and the cause that the operator is told. */
export interface WrongRequest {
  what: string;
  send: () => Promise<Response>;
  error: string;
  cause: string;
}

/** Every wrong request, ready to be sent, and the secrets that they come to hold. */
export async function wrongRequests(
  latchkey: LatchkeyProcess,
): Promise<{ requests: WrongRequest[]; secrets: string[] }> {
  const senders = await wrongRequestSenders(latchkey);
  const rows = [wrongAuthorizationRequests, wrongCredentials, wrongGrants].flatMap((rowsOf) =>
    rowsOf(senders),
  );
  return {
    requests: rows.map(([what, error, cause, send]) => ({ what, send, error, cause })),
    secrets: senders.secrets,
  };
}
