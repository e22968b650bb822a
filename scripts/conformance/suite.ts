/** The conformance suite over its REST API: plans, their modules, and what a module came to. */

/** A module as a plan names it. */
export interface PlannedModule {
  testModule: string;
  variant?: Record<string, string> | null;
}

/** What a module has come to, in the suite's own words. */
export interface TestInformation {
  /** `CREATED`, `CONFIGURED`, `RUNNING`, `WAITING`, `FINISHED` or `INTERRUPTED`. */
  status: string;
  /** `PASSED`, `WARNING`, `REVIEW`, `SKIPPED`, `FAILED`; null while it runs. */
  result: string | null;
}

/** An entry of a module's log. */
export interface LogEntry {
  src: string;
  msg?: string;
  result?: string;
  /** Where a picture is asked for that has not come. */
  upload?: string;
}

/** An address that somebody is to visit for a test. */
export interface Address {
  url: string;
  method: string;
}

export interface Suite {
  /** Its public address, without a slash at the end. */
  readonly address: string;
  createPlan(
    name: string,
    variant: Record<string, string>,
    configuration: object,
  ): Promise<{ id: string; modules: PlannedModule[] }>;
  /** Makes a module of a plan and answers the test's identifier; modules with an alias begin by themselves. */
  createTest(planId: string, module: PlannedModule): Promise<string>;
  startTest(testId: string): Promise<void>;
  /** Waits until the test has one of these statuses or is interrupted; undefined when it has not in time (ms). */
  statusOf(testId: string, statuses: readonly string[], milliseconds: number): Promise<string | undefined>;
  /** Ends a test that will not end by itself. */
  cancelTest(testId: string): Promise<void>;
  information(testId: string): Promise<TestInformation>;
  log(testId: string): Promise<LogEntry[]>;
  /** What the suite's own browser leaves to others. */
  addresses(testId: string): Promise<Address[]>;
  /** Tells that an address was visited. */
  visited(testId: string, url: string): Promise<void>;
  /** Puts a picture (a `data:` URL of at most 500 KB) where one is asked for. */
  show(testId: string, place: string, picture: string): Promise<void>;
}

/** The longest (ms) that the suite lets one request wait. */
const LONGEST_WAIT = 30_000;
/** How often a request is made that the suite, busy or starting, does not answer. */
const ATTEMPTS = 4;

/** Speaks to the suite at `address`; every function throws with the suite's words when it refuses. */
export function createSuite(
  address: string,
  options: { token?: string; retryMilliseconds?: number } = {},
): Suite {
  const base = address.replace(/\/+$/, '');
  const { token, retryMilliseconds = 1000 } = options;

  async function once(method: string, url: URL, body: string | undefined): Promise<Response> {
    return fetch(url, {
      method,
      headers: {
        Accept: 'application/json',
        'Content-Type': 'application/json',
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body }),
    });
  }

  /** Reads are repeated when there is no answer; what makes or starts something is not, lest it be done twice. */
  async function call(
    method: string,
    path: string,
    parameters: Record<string, string> = {},
    body?: object | string,
  ) {
    const url = new URL(`${base}/api/${path}`);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    const content = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    for (let attempt = 1; ; attempt += 1) {
      const last = method !== 'GET' || attempt === ATTEMPTS;
      try {
        const response = await once(method, url, content);
        const text = await response.text();
        if (response.ok) return text === '' ? undefined : (JSON.parse(text) as unknown);
        if (last || response.status < 500) {
          throw new SuiteError(
            response.status,
            `${method} ${url.pathname}: ${response.status} ${text.slice(0, 500)}`,
          );
        }
      } catch (error) {
        if (error instanceof SuiteError || last) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, retryMilliseconds));
    }
  }

  return {
    address: base,
    async createPlan(name, variant, configuration) {
      const parameters = { planName: name, variant: JSON.stringify(variant) };
      return (await call('POST', 'plan', parameters, configuration)) as {
        id: string;
        modules: PlannedModule[];
      };
    },
    async createTest(planId, { testModule, variant }) {
      const parameters = { test: testModule, plan: planId, variant: JSON.stringify(variant ?? {}) };
      const { id } = (await call('POST', 'runner', parameters)) as { id: string };
      return id;
    },
    async startTest(testId) {
      await call('POST', `runner/${testId}`).catch((error: unknown) => {
        // It answers with the test, which may change while it is being written: then only the answer has failed.
        if (!(error instanceof SuiteError) || error.status < 500) throw error;
      });
    },
    async statusOf(testId, statuses, milliseconds) {
      const deadline = Date.now() + milliseconds;
      const states = [...new Set([...statuses, 'INTERRUPTED'])].join(',');
      for (let left = milliseconds; left > 0; left = deadline - Date.now()) {
        const timeoutMs = String(Math.min(left, LONGEST_WAIT));
        const answer = await call('GET', `runner/${testId}/wait-state`, { states, timeoutMs });
        const { state } = answer as { state?: string };
        if (state !== undefined) return state;
      }
      return undefined;
    },
    async cancelTest(testId) {
      await call('DELETE', `runner/${testId}`);
    },
    async information(testId) {
      return (await call('GET', `info/${testId}`)) as TestInformation;
    },
    async log(testId) {
      return (await call('GET', `log/${testId}`)) as LogEntry[];
    },
    async addresses(testId) {
      const answer = await call('GET', `runner/${testId}`);
      const { browser } = answer as { browser?: { urlsWithMethod?: Address[] } };
      return browser?.urlsWithMethod ?? [];
    },
    async visited(testId, url) {
      await call('POST', `runner/browser/${testId}/visit`, { url });
    },
    async show(testId, place, picture) {
      await call('POST', `log/${testId}/images/${place}`, {}, picture);
    },
  };
}

/** The suite refuses: its words are the message. */
class SuiteError extends Error {
  override name = 'SuiteError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
