import type { Configuration } from '../../../config/configuration.ts';
import { relyingParty } from '../../authentication/passkeys/passkey-party.ts';
import type { PendingInteraction } from '../../provider/sign-in/interaction.ts';
import { interactionUrl } from '../../provider/sign-in/interaction-url.ts';
import type { PasskeyRequestView } from './passkey-views.ts';

/** What the page of a step asks a passkey for, or makes one with; undefined where there are none. */
export function passkeyRequests(
  configuration: Pick<Configuration, 'issuer' | 'branding' | 'passkeys'>,
  step: 'passkey' | 'second-step-passkey' | 'enrol-passkey' = 'passkey',
): (interaction: PendingInteraction) => PasskeyRequestView | undefined {
  const party = relyingParty(configuration);
  return ({ uid, client }) =>
    party === undefined
      ? undefined
      : {
          action: interactionUrl(uid, client.clientId, step),
          optionsUrl: interactionUrl(uid, client.clientId, `${step}-options`),
          rpId: party.id,
        };
}
