import { createTransport } from 'nodemailer';
import type { SmtpAddress } from '../../config/smtp-url.ts';
import { composed } from './composed-mail.ts';
import type { Delivery, Sender } from './mail-message.ts';

/** How long a server may take for each step, in ms. */
const CONNECT_MILLISECONDS = 10_000;
const SILENCE_MILLISECONDS = 20_000;
const FAREWELL_MILLISECONDS = 500;

/** SMTP over TLS as the address says; the server's certificate is verified. */
function transportTo({ host, port, tls, username, password }: SmtpAddress) {
  return createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'required',
    ignoreTLS: tls === 'off',
    ...(username === undefined || password === undefined ? {} : { auth: { user: username, pass: password } }),
    connectionTimeout: CONNECT_MILLISECONDS,
    greetingTimeout: CONNECT_MILLISECONDS,
    dnsTimeout: CONNECT_MILLISECONDS,
    socketTimeout: SILENCE_MILLISECONDS,
    socketCloseTimeout: FAREWELL_MILLISECONDS,
    // Nothing that a message says may make this process read a file or a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

/** Connects and signs in, and sends nothing. Rejects with what it came upon. */
export async function trySmtp(address: SmtpAddress): Promise<void> {
  const transport = transportTo(address);
  try {
    await transport.verify();
  } finally {
    transport.close();
  }
}

/** Delivers by SMTP. */
export function deliverBySmtp(address: SmtpAddress, sender: Sender): Delivery {
  const transport = transportTo(address);
  const ending = new AbortController();
  return {
    deliver: async (message) => {
      await transport.sendMail({ ...composed(message, sender), signal: ending.signal });
    },
    close: () => {
      ending.abort();
      transport.close();
    },
  };
}
