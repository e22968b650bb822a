/** Whoever keeps a key did not sign, or not in time. What was asked for may be asked for again. */
export class ExternalSignerUnavailable extends Error {
  override name = 'ExternalSignerUnavailable';

  constructor(reason: unknown) {
    const words = reason instanceof Error ? reason.message : String(reason);
    super(`the external signer: ${words}`, reason instanceof Error ? { cause: reason } : undefined);
  }
}

/** A configured external key that cannot be signed with. Its message is one line for an operator. */
export class UnusableExternalKey extends Error {
  override name = 'UnusableExternalKey';
}
