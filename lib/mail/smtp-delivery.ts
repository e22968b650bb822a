import { createTransport } from 'nodemailer';
import type { SmtpAddress } from '../../config/smtp-url.ts';
import { composed } from './composed-mail.ts';
import type { Delivery, Sender } from './mail-message.ts';

/** How long a server may take for each step, in ms. */
const CONNECT_MILLISECONDS = 10_000;
const SILENCE_MILLISECONDS = 20_000;
const FAREWELL_MILLISECONDS = 500;

/** Delivers by SMTP over TLS as the address says; the server's certificate is verified. */
export function deliverBySmtp(address: SmtpAddress, sender: Sender): Delivery {
  const { host, port, tls, username, password } = address;
  const transport = createTransport({
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
