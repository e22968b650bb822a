import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const CONNECTION = Symbol('what is known of a connection');

class Connection {
  socket: Socket;
  /** Under TLS: whether the handshake is done. */
  isReady: boolean;
  inFlight = 0;
  response: ServerResponse | undefined;
  /** How many bytes had come when the last answer was sent: more since then are the beginning of a request. */
  answeredBytes = 0;

  constructor(socket: Socket, isReady: boolean) {
    this.socket = socket;
    this.isReady = isReady;
  }

  get hasSpoken(): boolean {
    return this.answeredBytes > 0;
  }

  get isInRequest(): boolean {
    return this.inFlight > 0 || (this.isReady && this.socket.bytesRead > this.answeredBytes);
  }
}

type Connected = Socket & { [CONNECTION]?: Connection | undefined };

const peerOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;

/**
 * Connections and what is in flight on them. Node tells those apart that are in the middle of a request, and counts one that
 * has said nothing yet among them: browsers open some in advance, and each would hold up the end of the server.
 */
export class Connections {
  readonly #open = new Set<Connection>();
  /** A TLS socket is another object than the one that was accepted, with the same peer. */
  readonly #handshakes = new Map<string, Connection>();

  accepted(socket: Socket, { tls }: { tls: boolean }): void {
    const connection = new Connection(socket, !tls);
    this.#open.add(connection);
    if (!tls) {
      (socket as Connected)[CONNECTION] = connection;
      socket.once('close', () => this.#open.delete(connection));
      return;
    }
    const peer = peerOf(socket);
    this.#handshakes.set(peer, connection);
    socket.once('close', () => {
      this.#open.delete(connection);
      if (this.#handshakes.get(peer) === connection) this.#handshakes.delete(peer);
    });
  }

  secured(socket: Socket): void {
    const peer = peerOf(socket);
    const connection = this.#handshakes.get(peer);
    if (connection === undefined) return;
    this.#handshakes.delete(peer);
    connection.socket = socket;
    connection.isReady = true;
    (socket as Connected)[CONNECTION] = connection;
    socket.once('close', () => this.#open.delete(connection));
  }

  /** The answer that this connection is busy with. */
  responseOn(socket: Socket): ServerResponse | undefined {
    return (socket as Connected)[CONNECTION]?.response;
  }

  begun(request: IncomingMessage, response: ServerResponse): void {
    const connection = (request.socket as Connected)[CONNECTION];
    if (connection === undefined) return;
    connection.inFlight += 1;
    connection.response = response;
  }

  ended(request: IncomingMessage): void {
    const connection = (request.socket as Connected)[CONNECTION];
    if (connection === undefined) return;
    connection.inFlight -= 1;
    // Not kept for as long as the connection is idle: it would grow old with it.
    if (connection.inFlight === 0) connection.response = undefined;
    connection.answeredBytes = connection.socket.bytesRead;
  }

  /** Lets what is in flight say that nothing further can be asked here (RFC 9112 §9.6). */
  announceEnd(): void {
    for (const { inFlight, response } of this.#open) {
      if (inFlight > 0 && response?.headersSent === false) response.shouldKeepAlive = false;
    }
  }

  /** Closes those that are not in the middle of a request; `silent`: also those that never had one. */
  closeIdle({ silent }: { silent: boolean }): void {
    for (const connection of this.#open) {
      if (!connection.isInRequest && (silent || connection.hasSpoken)) connection.socket.destroy();
    }
  }
}
