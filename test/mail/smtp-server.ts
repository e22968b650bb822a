import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** One message as a mail server took it. */
export interface ReceivedMail {
  from: string;
  to: string[];
  /** The message of RFC 5322, dots unstuffed. */
  source: string;
}

/** What a server says in place of its usual answer, by the verb of the command; `drop` closes the connection. */
export type Misbehaviour = (verb: string, line: string) => string | 'drop' | undefined;

/** A mail server on a free loopback port that speaks as much SMTP (RFC 5321) as a client of ours needs. */
export class SmtpServer {
  readonly received: ReceivedMail[] = [];
  /** Credentials that were shown, in base64 as they came. */
  readonly credentials: string[] = [];
  connections = 0;
  misbehave: Misbehaviour = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(tls?: { cert: string; key: string }) {
    const serve = (socket: Socket): void => this.#serve(socket);
    this.#server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
    this.#server.on('tlsClientError', () => {});
  }

  /** With a certificate it speaks TLS from the first byte. */
  static async start(tls?: { cert: string; key: string }): Promise<SmtpServer> {
    const smtp = new SmtpServer(tls);
    smtp.#server.listen(0, '127.0.0.1');
    await once(smtp.#server, 'listening');
    return smtp;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const say = (line: string): void => {
      if (!socket.destroyed) socket.write(`${line}\r\n`);
    };
    let mail: ReceivedMail = { from: '', to: [], source: '' };
    let inData = false;
    let pending = '';
    const command = (line: string): void => {
      const [verb = ''] = line.toUpperCase().split(/[ :]/, 1);
      const instead = this.misbehave(verb, line);
      if (instead === 'drop') {
        socket.destroy();
        return;
      }
      if (instead !== undefined) {
        say(instead);
        return;
      }
      switch (verb) {
        case 'EHLO':
          say('250-mail.test');
          say('250-AUTH PLAIN');
          say('250 8BITMIME');
          return;
        case 'AUTH':
          this.credentials.push(line.split(' ')[2] ?? '');
          say('235 2.7.0 welcome');
          return;
        case 'MAIL':
          mail = { from: /<([^>]*)>/.exec(line)?.[1] ?? '', to: [], source: '' };
          say('250 2.1.0 ok');
          return;
        case 'RCPT':
          mail.to.push(/<([^>]*)>/.exec(line)?.[1] ?? '');
          say('250 2.1.5 ok');
          return;
        case 'DATA':
          inData = true;
          say('354 go ahead');
          return;
        case 'STARTTLS':
          say('502 5.5.1 not here');
          return;
        case 'QUIT':
          say('221 2.0.0 bye');
          socket.end();
          return;
        default:
          say('250 2.0.0 ok');
      }
    };
    say('220 mail.test ESMTP');
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      pending += chunk;
      for (;;) {
        const end = pending.indexOf('\r\n');
        if (end === -1) return;
        const line = pending.slice(0, end);
        pending = pending.slice(end + 2);
        if (!inData) command(line);
        else if (line === '.') {
          inData = false;
          const instead = this.misbehave('.', line);
          if (instead === 'drop') socket.destroy();
          else if (instead === undefined) {
            this.received.push(mail);
            say('250 2.0.0 taken');
          } else say(instead);
        } else mail.source += `${line.startsWith('..') ? line.slice(1) : line}\r\n`;
      }
    });
  }
}
