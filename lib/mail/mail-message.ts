/** One message to one person. */
export interface MailMessage {
  /** One plain address, as `mailAddress` answers it. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Brings one message on its way; rejects when it could not. */
export interface Delivery {
  deliver(message: MailMessage): Promise<void>;
  /** Gives up what is on its way. */
  close(): void;
}

/** Whom a message comes from; nodemailer writes the header, whatever is in the name. */
export interface Sender {
  name: string;
  address: string;
}

export interface Mail {
  /** Takes a message that is put together later, outside of the request; never throws, and nobody waits for it. */
  send(compose: () => MailMessage): void;
  /** Resolves when nothing waits any more: delivered or given up. */
  idle(): Promise<void>;
  /** Delivers what waits, for a few seconds at most; the rest is lost, which the log tells. */
  close(): Promise<void>;
}
