/**
 * A primary with one worker, whose listener is closed while a connection is on its way to it. Prints what became of the
 * connection. `bare` as the argument leaves node:cluster alone, to show what it does by itself.
 */
import cluster from 'node:cluster';
import { connect, createServer } from 'node:net';
import { ConnectionHandover } from '../../lib/processes/connection-handover.ts';

/** What became of the connection. */
export type Outcome = 'closed' | 'forgotten';

/** Long enough (ms) for the primary to hand over a connection. */
const DEAF_MILLISECONDS = 500;
/** When (ms) a connection counts as forgotten. */
const PATIENCE_MILLISECONDS = 3000;

if (cluster.isPrimary) {
  const worker = cluster.fork();
  if (process.argv[2] !== 'bare') new ConnectionHandover().watch(worker);
  const finish = (outcome: Outcome): void => {
    console.log(outcome);
    worker.process.kill('SIGKILL');
    process.exit(0);
  };
  worker.on('message', ({ port }: { port: number }) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('close', () => finish('closed'));
    setTimeout(() => finish('forgotten'), PATIENCE_MILLISECONDS);
  });
} else {
  const server = createServer(() => console.log('accepted'));
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ port: (server.address() as { port: number }).port });
    const since = performance.now();
    // Neither hears of the connection before it closes, nor is heard of.
    while (performance.now() - since < DEAF_MILLISECONDS);
    server.close();
  });
}
