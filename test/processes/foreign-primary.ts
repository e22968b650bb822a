/** A primary of `node:cluster` that is not Latchkey's, as process managers have one: starts the command line it is given as its worker, and ends with it. */
import cluster from 'node:cluster';

const [exec, ...args] = process.argv.slice(2);
cluster.setupPrimary({ exec: String(exec), args });
const worker = cluster.fork();
process.once('SIGTERM', () => worker.process.kill('SIGTERM'));
process.on('SIGHUP', () => worker.process.kill('SIGHUP'));
worker.on('exit', (code) => process.exit(code ?? 1));
