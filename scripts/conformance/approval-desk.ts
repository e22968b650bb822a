/**
 * Answers requests of client-initiated backchannel authentication in a person's stead, on their account page: the suite calls it where
 * somebody would look at their telephone.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FormBrowser } from '../../test/flows/form-browser.ts';
import type { Person } from './person.ts';

/** Where a person answers. */
const PAGE = '/account/requests';

export interface ApprovalDesk {
  /** What the suite calls for this person; it puts what is to be done into it. */
  addressFor(person: Pick<Person, 'login' | 'password'>): string;
  stop(): Promise<void>;
}

/** Signs in where that is asked for, and answers what came last. Throws when nothing waits. */
async function answer(
  browser: FormBrowser,
  { login, password }: Pick<Person, 'login' | 'password'>,
  button: 'approve' | 'deny',
): Promise<void> {
  let landing = await browser.visit(PAGE);
  if (landing.pageName === 'login') landing = await browser.submit(landing, 'submit', { login, password });
  const { pageName } = await browser.submit(landing, `${button}-0`);
  if (pageName !== 'account-requests') throw new Error(`the answer led to ${pageName}`);
}

/** Starts it on a free port of loopback. This process must trust the issuer's certificate. */
export async function startApprovalDesk(issuer: string): Promise<ApprovalDesk> {
  const people = new Map<string, { browser: FormBrowser; person: Pick<Person, 'login' | 'password'> }>();
  const server = createServer(async (request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const known = people.get(searchParams.get('person') ?? '');
    request.resume();
    try {
      if (known === undefined) throw new Error('nobody of that name');
      await answer(known.browser, known.person, searchParams.get('action') === 'deny' ? 'deny' : 'approve');
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    } catch (error) {
      response.writeHead(500, { 'content-type': 'text/plain' }).end((error as Error).message);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    addressFor(person) {
      // The suite encodes the address anew, so nothing in it may need that.
      const name = `person-${people.size + 1}`;
      people.set(name, { browser: new FormBrowser(issuer), person });
      return `http://127.0.0.1:${port}/?person=${name}&action={action}`;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
