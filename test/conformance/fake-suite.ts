import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json, text } from 'node:stream/consumers';

/** How a module behaves when it is run. */
export interface FakeModule {
  testModule: string;
  variant?: Record<string, string>;
  /** Stays `CONFIGURED` until it is started. */
  waitsForStart?: boolean;
  /** Never ends. */
  hangs?: boolean;
  result?: string;
  /** Addresses to visit; it waits for all of them. */
  addresses?: { url: string; method: string }[];
  /** A picture that it waits for. */
  upload?: string;
  log?: { src: string; msg?: string; result?: string }[];
}

interface Running {
  module: FakeModule;
  started: boolean;
  visited: Set<string>;
  picture?: string;
}

/** A suite that answers the calls of the real one's REST API, for one plan of these modules. */
export class FakeSuite {
  /** `METHOD path` of each call, in order. */
  readonly calls: string[] = [];
  /** What the plan was made with. */
  plan: { planName: string; variant: unknown; configuration: Record<string, unknown> } | undefined;
  authorization: string | undefined;
  /** Answers so many of the next calls with 502. */
  failing = 0;
  readonly address: string;
  readonly #running = new Map<string, Running>();
  readonly #modules: readonly FakeModule[];
  readonly #server: ReturnType<typeof createServer>;

  private constructor(modules: readonly FakeModule[], server: ReturnType<typeof createServer>) {
    this.#modules = modules;
    this.#server = server;
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(modules: readonly FakeModule[]): Promise<FakeSuite> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const suite = new FakeSuite(modules, server);
    server.on('request', (request, response) => void suite.#answer(request, response));
    return suite;
  }

  /** The picture that a test was shown. */
  pictureOf(testId: string): string | undefined {
    return this.#running.get(testId)?.picture;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.address);
    const { method = 'GET' } = request;
    this.calls.push(`${method} ${url.pathname}`);
    this.authorization = request.headers.authorization;
    const [status, body] =
      this.failing > 0 ? ([502, 'gone for a moment'] as const) : await this.#result(method, url, request);
    if (status === 502) this.failing -= 1;
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  async #result(method: string, url: URL, request: IncomingMessage): Promise<readonly [number, unknown]> {
    const parameter = (name: string) => url.searchParams.get(name) ?? '';
    const [, , kind, id = '', what, place] = url.pathname.split('/');
    if (method === 'POST' && kind === 'plan') {
      if (!parameter('planName').startsWith('oidcc-')) return [404, { error: 'no such plan' }];
      const configuration = (await json(request)) as Record<string, unknown>;
      this.plan = {
        planName: parameter('planName'),
        variant: JSON.parse(parameter('variant')),
        configuration,
      };
      const modules = this.#modules.map(({ testModule, variant = null }) => ({ testModule, variant }));
      return [201, { id: 'the-plan', name: parameter('planName'), modules }];
    }
    if (method === 'POST' && kind === 'runner' && id === '') {
      const module = this.#modules.find(
        ({ testModule, variant = {} }) =>
          testModule === parameter('test') && JSON.stringify(variant) === parameter('variant'),
      );
      if (module === undefined || parameter('plan') !== 'the-plan') return [400, { error: 'no such module' }];
      const testId = `test-${this.#running.size + 1}`;
      this.#running.set(testId, { module, started: module.waitsForStart !== true, visited: new Set() });
      return [201, { id: testId, name: module.testModule }];
    }
    if (method === 'POST' && id === 'browser') {
      this.#running.get(what ?? '')?.visited.add(parameter('url'));
      return [204, ''];
    }
    const test = this.#running.get(id);
    if (test === undefined) return [404, { error: 'no such test' }];
    if (method === 'DELETE') return [200, ''];
    if (method === 'POST' && what === 'images') {
      if (place !== test.module.upload) return [400, { error: 'no such place' }];
      test.picture = await text(request);
      return [200, {}];
    }
    if (method === 'POST') {
      test.started = true;
      return [200, {}];
    }
    if (kind === 'runner' && what === undefined) {
      const urlsWithMethod = (test.module.addresses ?? []).filter(
        (address) => !test.visited.has(address.url),
      );
      return [200, { browser: { urlsWithMethod } }];
    }
    if (what === 'wait-state') {
      const state = this.#stateOf(test);
      return [200, parameter('states').split(',').includes(state) ? { state } : { timeout: true }];
    }
    if (kind === 'info') {
      const { hangs, result = 'PASSED' } = test.module;
      return [200, { status: hangs ? 'WAITING' : 'FINISHED', result: hangs ? null : result }];
    }
    const { upload } = test.module;
    const asked = upload === undefined || test.picture !== undefined ? [] : [{ src: 'ExpectPage', upload }];
    return [200, [...asked, ...(test.module.log ?? [])]];
  }

  #stateOf(test: Running): string {
    if (!test.started) return 'CONFIGURED';
    const { addresses = [], upload, hangs } = test.module;
    const visited = addresses.every(({ url }) => test.visited.has(url));
    const shown = upload === undefined || test.picture !== undefined;
    return hangs || !visited || !shown ? 'WAITING' : 'FINISHED';
  }
}
