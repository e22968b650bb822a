import type { Configuration } from '../../../config/configuration.ts';
import type { SecondStepPages, SecondStepState } from '../../interactions/second-step-pages.ts';
import type { PendingInteraction } from '../../provider/sign-in/interaction.ts';
import { interactionUrl } from '../../provider/sign-in/interaction-url.ts';
import type { FormTokens } from '../form-protection.ts';
import type { Draw } from './draw-page.ts';
import { passkeyRequests } from './passkey-pages.ts';
import { qrCode } from './qr-code.ts';
import { clientView } from './record-views.ts';

const DAY = 86_400;

/** An address that its owner knows again, and nobody else learns. */
function masked(email: string): string {
  const at = email.lastIndexOf('@');
  return `${[...email].slice(0, 1).join('')}•••${email.slice(at)}`;
}

/** Letters in groups, for whoever types them. */
export function grouped(secret: string): string {
  return secret.match(/.{1,4}/g)?.join(' ') ?? secret;
}

/** The pages of the second step. */
export function createSecondStepPages(options: {
  configuration: Pick<Configuration, 'issuer' | 'branding' | 'passkeys' | 'secondFactor'>;
  forms: FormTokens;
  draw: Draw;
}): SecondStepPages {
  const { configuration, forms, draw } = options;
  const passkeyRequestOf = passkeyRequests(configuration, 'second-step-passkey');
  const newPasskeyOf = passkeyRequests(configuration, 'enrol-passkey');

  function formOf(
    interaction: PendingInteraction,
    step: string,
    { account, proof }: Pick<SecondStepState, 'account' | 'proof'>,
  ) {
    const { uid, client, forDevice } = interaction;
    return {
      csrfToken: forms.tokenFor(uid),
      proof,
      action: interactionUrl(uid, client.clientId, step),
      client: clientView(client),
      login: account.login,
      switchUrl: `${interactionUrl(uid, client.clientId)}&switch`,
      cancelAction: interactionUrl(uid, client.clientId, 'cancel'),
      forDevice,
    };
  }

  function optionsOf({ redirectUri, params }: PendingInteraction) {
    return { uiLocales: params.ui_locales, formsLeadTo: redirectUri };
  }

  return {
    secondStep: (ctx, interaction, state) => {
      const { way, ways, factors, sent, added, problem } = state;
      const { uid, client } = interaction;
      const url = interactionUrl(uid, client.clientId, 'second-step');
      const model = {
        ...formOf(interaction, 'second-step', state),
        way,
        others: ways
          .filter((other) => other !== way)
          .map((other) => ({ way: other, url: `${url}&way=${other}` })),
        problem,
        rememberDays: Math.floor(configuration.secondFactor.rememberDevice / DAY),
        mail:
          factors.email === undefined
            ? undefined
            : {
                to: masked(factors.email),
                sent,
                action: interactionUrl(uid, client.clientId, 'second-step-mail'),
              },
        codesLeft: factors.recoveryCodes,
        passkey: passkeyRequestOf(interaction),
        added,
      };
      draw(ctx, 'second-step', model, optionsOf(interaction));
    },

    enrol: async (ctx, interaction, state) => {
      const { enrolment, orPasskey, problem } = state;
      const { uid, client } = interaction;
      const model = {
        ...formOf(interaction, 'enrol', state),
        qr: await qrCode(enrolment.uri),
        secret: grouped(enrolment.secret),
        sealed: enrolment.sealed,
        problem,
        passkeyUrl: orPasskey ? interactionUrl(uid, client.clientId, 'enrol-passkey') : undefined,
      };
      draw(ctx, 'set-up-two-step', model, optionsOf(interaction));
    },

    setUpPasskey: (ctx, interaction, state) => {
      const { isStale, isDemanded, hasPasskeys, orApp, problem } = state;
      const { uid, client } = interaction;
      const { action: giveUpAction, ...form } = formOf(interaction, 'give-up', state);
      const model = {
        ...form,
        ...(isDemanded ? { cancelAction: giveUpAction } : {}),
        passkey: isStale ? undefined : newPasskeyOf(interaction),
        againUrl: `${interactionUrl(uid, client.clientId)}&again`,
        hasPasskeys,
        appUrl: orApp ? interactionUrl(uid, client.clientId, 'enrol') : undefined,
        accountUrl: `${configuration.issuer}/account/passkeys`,
        problem:
          problem === undefined || problem === 'form-rejected'
            ? problem && { kind: problem }
            : { kind: 'passkey' as const, reason: problem },
      };
      draw(ctx, 'set-up-passkey', model, optionsOf(interaction));
    },

    unreachable: (ctx, interaction, state) =>
      draw(ctx, 'unreachable', formOf(interaction, 'give-up', state), optionsOf(interaction)),

    recoveryCodes: (ctx, interaction, state) => {
      const { csrfToken, proof, action } = formOf(interaction, 'go-on', state);
      const { codes } = state;
      const accountUrl = codes.length === 0 ? `${configuration.issuer}/account/two-step` : undefined;
      draw(ctx, 'recovery-codes', { csrfToken, proof, action, codes, accountUrl }, optionsOf(interaction));
    },
  };
}
