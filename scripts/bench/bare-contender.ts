/** The bare engine as a contender: writes its settings, starts `bare-engine.ts`. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashSync } from '@node-rs/argon2';
import type { BareEngineSettings } from './bare-engine.ts';
import { type Contender, type ContenderOptions, commonTarget, peopleCount } from './contender.ts';
import { argon2idOptions } from './raw-limits.ts';
import { freePorts, startServer } from './server-process.ts';
import type { Target } from './target.ts';

function privateJwk(type: 'rsa' | 'ec', alg: string): object {
  const { privateKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig' };
}

const secret = () => randomBytes(32).toString('base64url');

export async function bareContender(options: ContenderOptions): Promise<Contender> {
  const [port = 0] = await freePorts(1);
  const password = secret();
  const target: Target = {
    issuer: `http://localhost:${port}`,
    port,
    webClient: { clientId: 'bench-web', clientSecret: secret() },
    machineClient: { clientId: 'bench-machine', clientSecret: secret() },
    people: Array.from({ length: peopleCount }, (_, index) => ({
      login: `person-${index}@bench.example`,
      password,
    })),
    ...commonTarget,
  };
  const settings: BareEngineSettings = {
    target,
    jwks: { keys: [privateJwk('rsa', 'RS256'), privateJwk('ec', 'ES256')] },
    cookieKeys: [secret()],
    passwordHash: hashSync(password, argon2idOptions),
  };
  const settingsFile = join(options.folder, 'settings.json');
  writeFileSync(settingsFile, JSON.stringify(settings), { mode: 0o600 });
  return {
    label: options.label,
    kind: 'bare',
    target,
    start: () =>
      startServer({
        nodeArguments: [
          ...options.nodeFlags,
          '--disable-warning=ExperimentalWarning',
          join(import.meta.dirname, 'bare-engine.ts'),
          settingsFile,
        ],
        environment: {},
        logFile: join(options.folder, 'server.log'),
        port,
        readyPath: '/.well-known/openid-configuration',
        hostHeader: `localhost:${port}`,
      }),
    setUp: async () => {},
  };
}
