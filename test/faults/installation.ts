import { exportJWK, generateKeyPair } from 'jose';
import { ADA, Application } from '../flows/application.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { type LogLine, logOf } from '../flows/server-log.ts';
import type { Cast } from './load.ts';
import { allListen, WORKERS } from './workers-of.ts';

const API = 'https://api.example.com';
const BOB = { login: 'bob@example.com', password: 'orange juice at noon' };

/** As long as the setting may be: whoever is not answered repeats within it, however long the fault. */
const GRACE_SECONDS = 60;

const ENVIRONMENT = {
  LATCHKEY_LIFETIMES_REFRESH_TOKEN_GRACE: String(GRACE_SECONDS),
  LATCHKEY_THROTTLING_LOGIN_PER_ACCOUNT: '10000',
  LATCHKEY_THROTTLING_LOGIN_PER_ADDRESS: '100000',
  LATCHKEY_THROTTLING_TOKEN_PER_CLIENT: '10000',
  LATCHKEY_THROTTLING_TOKEN_PER_ADDRESS: '100000',
  // A machine that has much else to do is none of the faults that are tested; where the time-out is, the test sets it.
  LATCHKEY_REDIS_COMMAND_TIMEOUT: '5000',
  LATCHKEY_LOG_LEVEL: 'info',
};

/** Several processes of Latchkey with everybody who takes part. */
export interface Installation {
  /** The first, or only, of them; commands are run with its settings. */
  latchkey: LatchkeyProcess;
  all: LatchkeyProcess[];
  origins: string[];
  cast: Cast;
  /** What was logged since `mark`, by all. */
  logSince(mark: number[]): LogLine[];
  mark(): number[];
  stop(): Promise<void>;
}

/** Starts one Latchkey of four workers. */
export async function startWorkers(environment: Record<string, string> = {}): Promise<Installation> {
  const latchkey = await LatchkeyProcess.start({
    ...ENVIRONMENT,
    LATCHKEY_WORKERS: String(WORKERS),
    ...environment,
  });
  await allListen(latchkey);
  return installation([latchkey]);
}

/** Starts one process, with the same settings. */
export function startAlone(environment: Record<string, string>): Promise<LatchkeyProcess> {
  return LatchkeyProcess.start({ ...ENVIRONMENT, ...environment });
}

/** Starts four Latchkeys, as on four machines, that answer for one issuer. */
export async function startMachines(environment: Record<string, string>): Promise<Installation> {
  const first = await LatchkeyProcess.start({ ...ENVIRONMENT, ...environment });
  const others = await Promise.all(
    Array.from({ length: 3 }, () =>
      LatchkeyProcess.start({ ...ENVIRONMENT, ...environment, LATCHKEY_ISSUER: first.issuer }),
    ),
  );
  return installation([first, ...others]);
}

async function installation(all: LatchkeyProcess[]): Promise<Installation> {
  const [latchkey] = all as [LatchkeyProcess];
  const linesOf = (mark: number[]): LogLine[] =>
    all.flatMap((one, index) => logOf(one).slice(mark[index] ?? 0));
  const stop = async (): Promise<void> => {
    await Promise.all(all.map((one) => one.stop()));
  };
  try {
    return {
      latchkey,
      all,
      origins: all.map(({ environment }) => `http://127.0.0.1:${environment.LATCHKEY_PORT}`),
      cast: await castOf(latchkey),
      logSince: linesOf,
      mark: () => all.map((one) => logOf(one).length),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Registers everybody who takes part. */
export async function castOf(latchkey: LatchkeyProcess): Promise<Cast> {
  const keys = await generateKeyPair('ES256', { extractable: true });
  const [app, service, , bob] = await Promise.all([
    Application.register(latchkey),
    latchkey.createClient({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [await exportJWK(keys.publicKey)] },
    }),
    latchkey.createPerson(ADA.login, ADA.password),
    latchkey.createPerson(BOB.login, BOB.password),
    latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read']),
  ]);
  return {
    app,
    service: { clientId: service.client_id, privateKey: keys.privateKey, api: API },
    people: [ADA],
    subject: { sub: bob.sub, ...BOB },
  };
}
