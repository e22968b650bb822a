import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { BerReader, ExtendedRequest, ProtocolOperation } from 'ldapts';
import type { LdapTls } from '../../../config/ldap-tls.ts';

const START_TLS = '1.3.6.1.4.1.1466.20037';
/** The longest answer to StartTLS that is read, in bytes. */
const MAXIMUM_ANSWER_BYTES = 4096;
/** Firewalls forget connections on which nothing is said for minutes. */
const KEEP_ALIVE_MILLISECONDS = 30_000;

/**
 * An open connection to one server of a directory, protected as `tls` says; `ca` in PEM, `timeout` in ms for all of it. Throws
 * whatever kept it from being opened.
 */
export async function openLdapSocket(
  url: string,
  { tls, ca, timeout }: { tls: LdapTls; ca: string | undefined; timeout: number },
): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const authority = {
    ...(ca === undefined ? {} : { ca }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
  };
  const place = { host, port: Number(port) || (tls === 'implicit' ? 636 : 389) };
  let socket: Socket = tls === 'implicit' ? connectTls({ ...place, ...authority }) : connect(place);
  const first = socket;
  const overdue = setTimeout(() => {
    socket.destroy(new Error(`no connection within ${timeout} ms`));
    first.destroy();
  }, timeout);
  try {
    await once(socket, tls === 'implicit' ? 'secureConnect' : 'connect');
    if (tls === 'start') {
      await startTls(socket);
      socket = connectTls({ socket: first, host, ...authority });
      await once(socket, 'secureConnect');
    }
    // Until somebody else listens, a connection that breaks is no bug.
    socket.on('error', () => {});
    socket.setKeepAlive(true, KEEP_ALIVE_MILLISECONDS);
    return socket;
  } catch (error) {
    socket.destroy();
    first.destroy();
    throw error;
  } finally {
    clearTimeout(overdue);
  }
}

/**
 * RFC 4511 section 4.14. Not the library's own: that one keeps what came in the clear behind the answer, and would read it as part
 * of what comes encrypted later. Whoever sits in between could so make a bind succeed (compare RFC 9325 section 3.2).
 */
async function startTls(socket: Socket): Promise<void> {
  socket.write(new ExtendedRequest({ messageId: 1, oid: START_TLS }).write());
  let received: Buffer = Buffer.alloc(0);
  const ended = new AbortController();
  socket.once('close', () => ended.abort());
  while (lengthOf(received) === undefined || received.length < (lengthOf(received) as number)) {
    const [chunk] = (await once(socket, 'data', { signal: ended.signal })) as [Buffer];
    received = Buffer.concat([received, chunk]);
    if (received.length > MAXIMUM_ANSWER_BYTES) throw new Error('the answer to StartTLS is too long');
  }
  if (received.length !== lengthOf(received)) {
    throw new Error('something was said in the clear after StartTLS');
  }
  const reader = new BerReader(received);
  reader.readSequence();
  const answered = reader.readInt() === 1 && reader.readSequence() === ProtocolOperation.LDAP_RES_EXTENSION;
  const code = answered ? reader.readEnumeration() : undefined;
  if (code !== 0) throw new Error(`the server refuses StartTLS (result code ${code})`);
}

/** The length of the message that begins here, once enough of it is there to tell. */
function lengthOf(received: Buffer): number | undefined {
  const reader = new BerReader(received);
  return reader.readSequence() === null ? undefined : reader.offset + reader.length;
}
