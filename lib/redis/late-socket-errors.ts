import type { Socket } from 'node:net';
import { Cluster, type Redis } from 'ioredis';

/**
 * Keeps a second error of one connection from ending the process. ioredis listens for one; a TLS socket whose handshake
 * fails on both sides may emit two: what this side found, and then the alert by which the other answers.
 */
export function ignoreLateSocketErrors(client: Redis | Cluster): void {
  if (client instanceof Cluster) {
    client.on('+node', ignoreLateSocketErrors);
    return;
  }
  const { connector } = client as unknown as { connector: { connect(...given: unknown[]): Promise<Socket> } };
  const connect = connector.connect.bind(connector);
  connector.connect = async (...given) => {
    const socket = await connect(...given);
    socket.on('error', () => {});
    return socket;
  };
}
