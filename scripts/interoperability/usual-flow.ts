/** What a person does with an application, and what must come of it, whatever library the application is written with. */
import assert from 'node:assert/strict';
import { decodeProtectedHeader } from 'jose';
import type { Landing } from '../../test/flows/form-browser.ts';
import { type Answers, Visitor } from '../../test/interoperability/visitor.ts';

/** A step of the flow, and why it failed when it did. */
export interface StepResult {
  step: string;
  problem?: string;
}

/** An application of ours that runs, and whose client is registered. */
export interface Application {
  origin: string;
  issuer: string;
  clientId: string;
  /** What its ID tokens are signed with. */
  algorithm: string;
  /** What its library calls the error of a wrong client secret; `invalid_client` when not given. */
  wrongSecret?: string | undefined;
}

export interface Person {
  login: string;
  password: string;
  name: string;
}

interface Shown {
  id_token: string;
  refresh_token: string;
  claims: { iss: string; sub: string; aud: string | string[] };
}

type Steps = Record<string, () => Promise<void>>;

/** Goes through steps in their order; after one that failed the others are not tried, and fail too. */
async function goThrough(steps: Steps): Promise<StepResult[]> {
  const results: StepResult[] = [];
  let failed = false;
  for (const [step, act] of Object.entries(steps)) {
    if (failed) results.push({ step, problem: 'not tried' });
    else {
      try {
        await act();
        results.push({ step });
      } catch (error) {
        failed = true;
        results.push({ step, problem: (error as Error).message });
      }
    }
  }
  return results;
}

const visitorOf = ({ origin, issuer }: Application, person: Person, answers: Partial<Answers> = {}) =>
  new Visitor(origin, issuer, { login: person.login, password: person.password, ...answers });

/** The body of an answer with this status. */
function bodyOf<Body>({ status, page, url }: Landing, expected: number): Body {
  assert.equal(status, expected, `${url.pathname} answered ${status}: ${page.slice(0, 600)}`);
  try {
    return JSON.parse(page) as Body;
  } catch {
    throw new Error(`${url.pathname} answered no JSON: ${page.slice(0, 600)}`);
  }
}

function assertVerified({ claims, id_token: idToken }: Shown, application: Application): void {
  assert.equal(claims.iss, application.issuer);
  assert.deepEqual([claims.aud].flat(), [application.clientId]);
  assert.equal(decodeProtectedHeader(idToken).alg, application.algorithm);
}

/** Sign-in with consent and without, userinfo, refresh with rotation, logout. */
export function usualFlow(application: Application, person: Person): Promise<StepResult[]> {
  const visitor = visitorOf(application, person);
  let first: Shown;
  const userinfo = async () => {
    const { landing } = await visitor.visit('/userinfo');
    const { sub, email, name } = bodyOf<Record<string, string>>(landing, 200);
    assert.deepEqual({ sub, email, name }, { sub: first.claims.sub, email: person.login, name: person.name });
  };
  return goThrough({
    [`sign in with consent, ${application.algorithm}`]: async () => {
      const { landing, pages } = await visitor.visit('/sign-in');
      first = bodyOf<Shown>(landing, 200);
      assert.deepEqual(pages, ['login', 'consent']);
      assertVerified(first, application);
    },
    userinfo,
    'refresh with rotation': async () => {
      const { landing } = await visitor.visit('/refresh', { method: 'POST' });
      const next = bodyOf<Shown>(landing, 200);
      assertVerified(next, application);
      assert.equal(next.claims.sub, first.claims.sub);
      assert.notEqual(next.refresh_token, first.refresh_token);
      await userinfo();
    },
    'sign in again, without questions': async () => {
      const { landing, pages } = await visitor.visit('/sign-in');
      assert.deepEqual(pages, []);
      assert.equal(bodyOf<Shown>(landing, 200).claims.sub, first.claims.sub);
    },
    'log out here and there': async () => {
      const { landing, pages } = await visitor.visit('/sign-out');
      assert.deepEqual(pages, ['logout']);
      assert.deepEqual(bodyOf(landing, 200), { signed_out: true });
      assert.deepEqual((await visitor.visit('/sign-in')).pages, ['login']);
    },
  });
}

function assertRefused(landing: Landing, expected: string): void {
  const { error } = bodyOf<{ error: string }>(landing, 400);
  assert.equal(error, expected, landing.page);
}

/** A person who does not allow it. */
export function deniedFlow(application: Application, person: Person): Promise<StepResult[]> {
  return goThrough({
    'consent denied': async () => {
      const { landing, pages } = await visitorOf(application, person, { consent: 'deny' }).visit('/sign-in');
      assert.deepEqual(pages, ['login', 'consent']);
      assertRefused(landing, 'access_denied');
    },
  });
}

/** An application that has another secret than it was given. */
export function refusedFlow(application: Application, person: Person): Promise<StepResult[]> {
  const { wrongSecret = 'invalid_client' } = application;
  return goThrough({
    'wrong client secret': async () => {
      const { landing } = await visitorOf(application, person).visit('/sign-in');
      assertRefused(landing, wrongSecret);
    },
  });
}
