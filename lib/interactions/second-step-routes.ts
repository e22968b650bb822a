import type Router from '@koa/router';
import { enrolmentSteps } from './enrolment.ts';
import type { FormProtection, InteractionPages } from './interaction-pages.ts';
import { type PasskeyEnrolmentRooms, passkeyEnrolmentSteps } from './passkey-enrolment.ts';
import { pendingStep, type Step } from './pending-step.ts';
import { secondSteps } from './second-step.ts';

/** The routes of what comes after the first factor. GET changes nothing anywhere. */
export function addSecondStepRoutes(
  router: Router,
  rooms: PasskeyEnrolmentRooms & {
    configuration: { branding: { name: string } };
    pages: Pick<InteractionPages, 'expired'>;
    forms: FormProtection;
  },
): void {
  const second = secondSteps(rooms);
  const enrolment = enrolmentSteps(rooms);
  const newPasskey = passkeyEnrolmentSteps(rooms);
  const add = (path: string, { show, act }: { show: Step; act: Step }): void => {
    router.get(`/interaction/:uid/${path}`, pendingStep(rooms, show, show));
    router.post(`/interaction/:uid/${path}`, pendingStep(rooms, act, show));
  };

  add('second-step', { show: second.show, act: second.prove });
  add('second-step-mail', { show: second.show, act: second.sendMail });
  add('second-step-passkey', { show: second.show, act: second.passkey });
  add('second-step-passkey-options', { show: second.show, act: second.passkeyOptions });
  add('enrol', { show: enrolment.show, act: enrolment.confirm });
  add('enrol-passkey', { show: newPasskey.show, act: newPasskey.add });
  add('enrol-passkey-options', { show: newPasskey.show, act: newPasskey.options });
  add('go-on', { show: enrolment.show, act: enrolment.goOn });
  add('give-up', { show: enrolment.show, act: enrolment.giveUp });
}
