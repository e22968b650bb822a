import { createHmac } from 'node:crypto';
import type { CryptoKey, JWTHeaderParameters, JWTPayload } from 'jose';
import type Koa from 'koa';
import { type Configuration as EngineConfiguration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type ClientAttester, readClientAttesters } from '../../../config/client-attesters.ts';
import type { Configuration } from '../../../config/configuration.ts';
import type { Sealer } from '../../database/sealer.ts';
import type { SigningKeys } from '../../keys/signing-keys.ts';
import { keySetOf, keysAreUnreachable } from '../../outbound/key-set.ts';
import type { SafeFetch } from '../../outbound/safe-fetch.ts';
import { mayHaveBeenUsed } from './client-assertions.ts';

type Features = NonNullable<EngineConfiguration['features']>;

/** How far (s) somebody else's clock may be off: as the engine has it. */
const CLOCK_TOLERANCE_SECONDS = 15;
/** How old (s) a proof may be; its challenge is good for no longer. */
const LONGEST_PROOF_AGE_SECONDS = 300;

/** Requests whose attester's keys could not be had. */
const unreachable = new WeakSet<object>();

/**
 * Attestation-based client authentication (draft-ietf-oauth-attestation-based-client-auth-12). An attester counts for the clients
 * that the operator trusts it with; the proof of possession carries a challenge of ours, which every process knows without a store,
 * and is used once (lib/grants). A challenge changes with the active signing key as DPoP nonces do.
 */
export function clientAttestation(rooms: {
  configuration: Configuration;
  sealer: Pick<Sealer, 'derive'>;
  keys: Pick<SigningKeys, 'snapshot'>;
  grants: { rememberedSince: number };
  safeFetch: SafeFetch;
}): Features['attestClientAuth'] {
  const file = rooms.configuration.features.clientAttestersFile;
  if (file === undefined) return { enabled: false };
  const read = readClientAttesters(file);
  if (typeof read === 'string') throw new Error(read);
  const attesters = new Map(
    read.map((attester) => [attester.issuer, { attester, keys: keySetOf(attester, rooms.safeFetch) }]),
  );
  const active = rooms.keys.snapshot().keys[0]?.kid ?? '';
  return {
    enabled: true,
    ack: 'draft-12',
    challengeSecret: createHmac('sha256', rooms.sealer.derive('attestation-challenge'))
      .update(active)
      .digest(),
    async getAttestationSignaturePublicKey(ctx, header, payload, client) {
      const trusted = attesters.get(String(payload.iss));
      if (trusted === undefined) throw new Error('the attester (iss) is not trusted');
      if (!trusted.attester.clients.includes(client.clientId)) {
        throw new Error('the attester (iss) does not vouch for this client');
      }
      try {
        const key = await trusted.keys(header as JWTHeaderParameters, { payload: '', signature: '' });
        return key as CryptoKey;
      } catch (error) {
        if (keysAreUnreachable(error)) unreachable.add(ctx.req);
        throw error;
      }
    },
    assertAttestationJwtAndPop(_ctx, attestation, pop) {
      const trusted = attesters.get(String(attestation.payload.iss));
      assertTimes(trusted?.attester, attestation.payload, pop.payload, rooms.grants.rememberedSince);
    },
  };
}

/** What the engine does not look at: when both were made, and how long the attestation goes on. Throws InvalidClientAuth. */
function assertTimes(
  attester: ClientAttester | undefined,
  attestation: JWTPayload,
  pop: JWTPayload,
  rememberedSince: number,
): void {
  const now = Date.now() / 1000;
  const latest = now + CLOCK_TOLERANCE_SECONDS;
  const { exp = 0, iat: attestedAt = 0 } = attestation;
  const { iat: provedAt = 0 } = pop;
  if (attester === undefined || exp > latest + attester.longest_life) {
    throw new errors.InvalidClientAuth(
      `the attestation is valid for more than ${attester?.longest_life} seconds`,
    );
  }
  if (attestedAt > latest || provedAt > latest) {
    throw new errors.InvalidClientAuth('the attestation, or its proof, was made in the future (iat)');
  }
  if (provedAt < now - LONGEST_PROOF_AGE_SECONDS - CLOCK_TOLERANCE_SECONDS) {
    throw new errors.InvalidClientAuth('the proof of the attested key is too old (iat)');
  }
  if (mayHaveBeenUsed(rememberedSince, { iat: provedAt, exp: provedAt })) {
    throw new errors.InvalidClientAuth('the proof of the attested key may have been used before a restore');
  }
}

/** An attester whose keys cannot be had is trouble on our side, 503, and not the client's fault. Where there are none, the engine as it is. */
export function answerForUnreachableAttesters(
  engine: Koa.Middleware,
  { clientAttestersFile }: Configuration['features'],
): Koa.Middleware {
  if (clientAttestersFile === undefined) return engine;
  return async (ctx, next) => {
    await engine(ctx, next);
    if (!unreachable.has(ctx.req)) return;
    ctx.status = 503;
    ctx.remove('WWW-Authenticate');
    ctx.body = { error: 'temporarily_unavailable', error_description: 'please try again in a moment' };
  };
}

/** Whether a request authenticates its client by an attestation with a proof of its own. */
export function bearsAttestation(ctx: Pick<KoaContextWithOIDC, 'get'>): boolean {
  return ctx.get('OAuth-Client-Attestation-PoP') !== '';
}
