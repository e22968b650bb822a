/**
 * Latchkey as a contender: served as an operator serves it, from a data directory of its own on durable storage, and
 * set up through the operator's CLI. Nothing is switched off for the bench; only the login throttle's bounds are as
 * wide as the configuration allows, because all the load comes from one address.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import packageJson from '../../package.json' with { type: 'json' };
import { type Contender, type ContenderOptions, commonTarget, peopleCount } from './contender.ts';
import { fillStore } from './fill-store.ts';
import { shareProcessor } from './processor-share.ts';
import { processTree } from './processor-time.ts';
import { startRedis } from './redis-process.ts';
import { freePorts, type ServerProcess, startServer } from './server-process.ts';
import { apiScope, type ClientCredentials, type Target } from './target.ts';

const program = join(import.meta.dirname, '../../lib/main.ts');
/** The runtime's flags as `npm start` gives them; a path among them is taken from the project's top, where npm runs this. */
const nodeFlags = packageJson.scripts.start.split(' ').filter((word) => word.startsWith('--'));

interface RegistrationResponse {
  client_id: string;
  client_secret: string;
}

/** Runs one CLI command, gives it `input`, and returns the JSON it prints. Throws with its words when it fails. */
async function latchkey(environment: Record<string, string>, commandLine: string[], input?: string) {
  const child: ChildProcess = spawn(process.execPath, [...nodeFlags, program, ...commandLine, '--json'], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end(input ?? '');
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [output, complaint] = await Promise.all([
    child.stdout ? text(child.stdout) : '',
    child.stderr ? text(child.stderr) : '',
  ]);
  if ((await ended) !== 0) {
    throw new Error(`latchkey ${commandLine.join(' ')} failed: ${complaint}${output}`);
  }
  return JSON.parse(output) as unknown;
}

async function createClient(
  environment: Record<string, string>,
  metadata: Record<string, unknown>,
): Promise<ClientCredentials> {
  const response = (await latchkey(
    environment,
    ['clients', 'create', '--file', '-'],
    JSON.stringify(metadata),
  )) as RegistrationResponse;
  return { clientId: response.client_id, clientSecret: response.client_secret };
}

/** Once all its processes are there, each gets its share. */
async function withShare(
  server: ServerProcess,
  { workers, share }: ContenderOptions,
): Promise<ServerProcess> {
  const processes = workers === 1 ? 1 : workers + 1;
  while (processTree(server.pid).length < processes) await sleep(10);
  const shares = shareProcessor(processTree(server.pid), share);
  return {
    ...server,
    stop: async () => {
      await server.stop();
      await shares.release();
    },
  };
}

export async function latchkeyContender(options: ContenderOptions): Promise<Contender> {
  const [port = 0, managementPort = 0] = await freePorts(2);
  const redis = options.store === 'redis' ? await startRedis(join(options.folder, 'redis')) : undefined;
  const issuer = `http://localhost:${port}`;
  const nobody: ClientCredentials = { clientId: '', clientSecret: '' };
  const target: Target = {
    issuer,
    port,
    webClient: nobody,
    machineClient: nobody,
    people: [],
    ...commonTarget,
  };
  const environmentIn = (dataDirectory: string): Record<string, string> => ({
    LATCHKEY_ISSUER: issuer,
    LATCHKEY_PORT: String(port),
    LATCHKEY_MANAGEMENT_PORT: String(managementPort),
    LATCHKEY_DATA_DIR: dataDirectory,
    LATCHKEY_WORKERS: String(options.workers),
    ...(redis === undefined ? {} : { LATCHKEY_REDIS_URL: redis.url }),
    LATCHKEY_THROTTLING_LOGIN_PER_ACCOUNT: '10000',
    LATCHKEY_THROTTLING_LOGIN_PER_ADDRESS: '1000000',
  });
  const environment = environmentIn(join(options.folder, 'data'));
  const start = async (dataEnvironment: Record<string, string>): Promise<ServerProcess> => {
    const server = await startServer({
      nodeArguments: [...options.nodeFlags, ...nodeFlags, program, 'serve'],
      environment: dataEnvironment,
      logFile: join(options.folder, 'server.log'),
      port,
      readyPath: '/.well-known/openid-configuration',
      hostHeader: `localhost:${port}`,
    });
    const limited = options.share > 0 ? await withShare(server, options) : server;
    return redis === undefined ? limited : { ...limited, storePid: redis.pid };
  };

  async function setUp(): Promise<void> {
    const apis = [
      { identifier: target.apis.rs256, form: ['--token-format', 'jwt', '--algorithm', 'RS256'] },
      { identifier: target.apis.es256, form: ['--token-format', 'jwt', '--algorithm', 'ES256'] },
      { identifier: target.apis.opaque, form: ['--token-format', 'opaque'] },
    ];
    for (const { identifier, form } of apis) {
      await latchkey(environment, [
        'apis',
        'create',
        '--identifier',
        identifier,
        '--scopes',
        apiScope,
        ...form,
      ]);
    }
    target.webClient = await createClient(environment, {
      client_name: 'Bench web application',
      redirect_uris: [target.redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    });
    target.machineClient = await createClient(environment, {
      client_name: 'Bench machine',
      redirect_uris: [],
      grant_types: ['client_credentials'],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_basic',
    });
    for (let index = 0; index < peopleCount; index += 1) {
      const login = `person-${index}@bench.example`;
      const password = randomBytes(24).toString('base64url');
      await latchkey(environment, ['users', 'create', '--email', login, '--password-stdin'], `${password}\n`);
      target.people.push({ login, password });
    }
  }

  async function firstStart(): Promise<number> {
    const dataDirectory = mkdtempSync(join(options.folder, 'empty-'));
    const server = await start(environmentIn(dataDirectory));
    await server.stop();
    rmSync(dataDirectory, { recursive: true });
    return server.startMilliseconds;
  }

  return {
    label: options.label,
    kind: 'latchkey',
    target,
    start: () => start(environment),
    setUp,
    fill: async (progress) => {
      const { clientId } = target.webClient;
      if (options.grants > 0) await fillStore(environment, { clientId, count: options.grants }, progress);
      if (options.expired > 0) {
        await fillStore(environment, { clientId, count: options.expired, expired: true }, progress);
      }
    },
    ...(redis === undefined ? {} : { dispose: () => redis.stop() }),
    firstStart,
  };
}
