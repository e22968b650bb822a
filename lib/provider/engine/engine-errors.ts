import { errors } from 'oidc-provider';

let left = false;

/** Stands between the engine's errors and Error: what is made through it captures no stack. */
class WithoutStack extends Error {
  constructor(message?: string, options?: ErrorOptions) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = limit;
  }
}

/**
 * Spares the engine's protocol errors their stacks. The engine makes one for each thing that a request might lack, before
 * it looks whether it does, and each captures its stack twice, which is a fifth of what a userinfo request costs. They
 * are answers, not bugs: their detail says what was wrong. For other errors nothing changes.
 */
export function leaveStacksOut(): void {
  if (left) return;
  left = true;
  Object.setPrototypeOf(errors.OIDCProviderError, WithoutStack);
  const capture = Error.captureStackTrace;
  Error.captureStackTrace = (target, above) => {
    if (!(target instanceof errors.OIDCProviderError)) capture(target, above);
  };
}
