import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { canonicalLogin } from '../../lib/accounts/canonical-login.ts';

interface Person {
  sub: string;
  login: string;
  disabled: boolean;
  claims: Record<string, unknown>;
  password: string;
}

async function read(request: IncomingMessage): Promise<Record<string, string>> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return JSON.parse(body) as Record<string, string>;
}

/** A company's user base, as docs/account-adapter.md describes it: people in memory behind a real HTTP server. */
export async function startUserBase(token: string) {
  const people = new Map<string, Person>();
  const asked: string[] = [];
  let misbehave: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;

  const described = ({ password: _, ...account }: Person) => account;
  const server = createServer(async (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (misbehave !== undefined) {
      misbehave(request, response);
      return;
    }
    if (request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401).end();
      return;
    }
    const question = await read(request);
    const person = [...people.values()].find(({ sub, login }) =>
      question.sub === undefined ? login === question.login : sub === question.sub,
    );
    let answer: object = { account: person === undefined ? null : described(person) };
    if (request.url === '/people/verify') {
      if (person === undefined) answer = { outcome: 'refused', reason: 'unknown' };
      else if (person.password !== question.password)
        answer = { outcome: 'refused', reason: 'wrong_password' };
      else if (person.disabled) answer = { outcome: 'refused', reason: 'disabled' };
      else answer = { outcome: 'verified', account: described(person) };
    }
    response
      .writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/people`,
    people,
    asked,
    /** Answers everything in this way from now on. */
    misbehave(how: (request: IncomingMessage, response: ServerResponse) => void): void {
      misbehave = how;
    },
    /** Answers as it should again. */
    behave(): void {
      misbehave = undefined;
    },
    add(person: { login: string; password: string; claims?: Record<string, unknown> }): string {
      const sub = `employee-${people.size + 1}`;
      const canonical = canonicalLogin(person.login);
      if (canonical.outcome === 'refused') throw new Error(canonical.description);
      people.set(sub, {
        sub,
        login: canonical.login,
        disabled: false,
        claims: person.claims ?? {},
        password: person.password,
      });
      return sub;
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type RunningUserBase = Awaited<ReturnType<typeof startUserBase>>;

/** How the contract of account adapters changes the people of a user base. */
export function changesOf(base: RunningUserBase) {
  return {
    add: async (person: Parameters<RunningUserBase['add']>[0]) => base.add(person),
    disable: async (sub: string) => {
      const person = base.people.get(sub);
      if (person !== undefined) person.disabled = true;
    },
    remove: async (sub: string) => {
      base.people.delete(sub);
    },
  };
}
