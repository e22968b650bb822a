import type { Redis } from 'ioredis';
import type { RedisCluster, RedisServer } from '../redis/redis-servers.ts';

const PATIENCE_MILLISECONDS = 5000;

/** Moves slots that hold keys from one master to another while clients use them, as `redis-cli --cluster reshard` does. Answers how many keys went. */
export async function moveSlots(
  cluster: RedisCluster,
  { from, to, slots }: { from: RedisServer; to: RedisServer; slots: readonly number[] },
): Promise<number> {
  const masters = await cluster.masters();
  const [source, target] = [from.connect(), to.connect()];
  try {
    await Promise.all([source.connect(), target.connect()]);
    const [sourceId, targetId] = [await idOf(source), await idOf(target)];
    let moved = 0;
    for (const slot of slots) {
      await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId);
      await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId);
      moved += await moveKeys(source, to.port, slot);
      // The target first: a slot that nobody owns for a moment would be refused.
      await target.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId);
      await source.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId);
      for (const master of masters) {
        if (master !== from && master !== to)
          await master.command('CLUSTER', 'SETSLOT', slot, 'NODE', targetId);
      }
    }
    return moved;
  } finally {
    source.disconnect();
    target.disconnect();
  }
}

/** Slots of this master that hold keys, at most `count`. */
export async function slotsWithKeys(master: RedisServer, count: number): Promise<number[]> {
  const client = master.connect();
  try {
    await client.connect();
    const found: number[] = [];
    const ranges = (await client.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    for (const [first, last, [, port]] of ranges) {
      if (port !== master.port) continue;
      const counting = client.pipeline();
      for (let slot = first; slot <= last; slot += 1) counting.call('CLUSTER', 'COUNTKEYSINSLOT', slot);
      const counts = (await counting.exec()) ?? [];
      found.push(...counts.flatMap(([, keys], index) => (Number(keys) > 0 ? [first + index] : [])));
    }
    return found.slice(0, count);
  } finally {
    client.disconnect();
  }
}

async function moveKeys(source: Redis, port: number, slot: number): Promise<number> {
  let moved = 0;
  for (;;) {
    const keys = (await source.callBuffer('CLUSTER', 'GETKEYSINSLOT', slot, 5)) as Buffer[];
    if (keys.length === 0) return moved;
    // One command for several keys, of which some may expire meanwhile.
    await source.call('MIGRATE', '127.0.0.1', port, '', 0, PATIENCE_MILLISECONDS, 'KEYS', ...keys);
    moved += keys.length;
  }
}

async function idOf(node: Redis): Promise<string> {
  return String(await node.call('CLUSTER', 'MYID'));
}
