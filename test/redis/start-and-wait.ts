/** A process that starts a redis-server, says its id, its port and its folder, and waits to be killed. */
import { RedisServer } from './redis-servers.ts';

const server = await RedisServer.start();
process.stdout.write(`${server.pid} ${server.port} ${server.folder}\n`);
setInterval(() => {}, 60_000);
