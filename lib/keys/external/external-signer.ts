import type { KeyObject } from 'node:crypto';
import type { Configuration } from '../../../config/configuration.ts';
import { signerEnvironment } from '../../../config/signer-environment.ts';
import type { Log } from '../../observability/log.ts';
import { prepareVerifier } from '../key-material.ts';
import { BoundedCalls } from './bounded-calls.ts';
import { ExternalSignerUnavailable } from './external-signer-errors.ts';
import { Pkcs11Token } from './pkcs11-token.ts';
import { SignerProgram } from './signer-program.ts';
import type { SigningDevice } from './signing-device.ts';

/** A key that is kept elsewhere. */
export interface ExternalKey {
  /** Its name there. */
  name: string;
  algorithm: string;
  publicKey: KeyObject;
}

/**
 * Signs with keys that are kept elsewhere. Every call is bounded in time and in number; each signature is verified before
 * it leaves, so that whatever happens there (another key under the same name, a wrong mechanism) no token goes out that
 * nobody can verify.
 */
export interface ExternalSigner {
  /** Throws ExternalSignerUnavailable. */
  publicKey(name: string): Promise<KeyObject>;
  /** Throws ExternalSignerUnavailable. */
  sign(key: ExternalKey, data: Uint8Array): Promise<Buffer>;
  /** Resolves when nothing of it runs any more. */
  close(): Promise<void>;
}

/** The signer that is configured; undefined when there is none. Nothing is started before it is first asked. */
export function createExternalSigner(
  settings: Configuration['keys']['external'],
  log: Log,
): ExternalSigner | undefined {
  const device = deviceOf(settings, log);
  return device === undefined ? undefined : boundedSigner(device, settings);
}

function deviceOf(
  { program, pkcs11, environment }: Configuration['keys']['external'],
  log: Log,
): SigningDevice | undefined {
  const variables = signerEnvironment(environment);
  const [file, ...words] = program;
  if (file !== undefined) return new SignerProgram({ file, words, variables, log });
  const { module, token, pin, tool } = pkcs11;
  if (module === undefined || token === undefined || pin === undefined) return undefined;
  return new Pkcs11Token({ module, token, pin, tool, variables });
}

function boundedSigner(
  device: SigningDevice,
  limits: { timeout: number; concurrency: number },
): ExternalSigner {
  const calls = new BoundedCalls(limits);
  const bounded = async <T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await calls.run(call);
    } catch (error) {
      throw error instanceof ExternalSignerUnavailable ? error : new ExternalSignerUnavailable(error);
    }
  };
  return {
    publicKey: (name) => bounded((signal) => device.publicKey(name, signal)),
    async sign({ name, algorithm, publicKey }, data) {
      const signature = await bounded((signal) => device.sign({ name, algorithm, data }, signal));
      if (!prepareVerifier(algorithm, publicKey)(data, signature)) {
        throw new ExternalSignerUnavailable(
          `the signature of ${name} is none of ${algorithm} by the key that is published`,
        );
      }
      return signature;
    },
    close: () => device.close(),
  };
}
