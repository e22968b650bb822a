import { type RedisConnection, redisScript } from '../../redis/redis.ts';
import type { Count, CounterKey, Taken, Taking, ThrottleCounters } from './throttle-counters.ts';

/**
 * A counter is a hash of its points `n` and its end `e` (ms by the server's clock), which tells it from a later one of the
 * same key. The two lines begin every script; `count` answers a living counter's points and what is left of it.
 */
const PRELUDE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function count(key)
  local values = redis.call('HMGET', key, 'n', 'e')
  local ends = tonumber(values[2] or 0)
  if ends <= now then return 0, 0 end
  return tonumber(values[1]), ends
end
`;

/** ARGV: limit and milliseconds of each key. Answers {0, points, end, points, end, …, now} or {index, milliseconds left}. */
const TAKE = redisScript(`${PRELUDE}
for i, key in ipairs(KEYS) do
  local points, ends = count(key)
  if points >= tonumber(ARGV[2 * i - 1]) then return {i, ends > now and ends - now or tonumber(ARGV[2 * i])} end
end
local answer = {0}
for i, key in ipairs(KEYS) do
  local points, ends = count(key)
  if ends == 0 then
    ends = now + tonumber(ARGV[2 * i])
    redis.call('HSET', key, 'n', 1, 'e', string.format('%d', ends))
    redis.call('PEXPIREAT', key, string.format('%d', ends))
  else
    redis.call('HINCRBY', key, 'n', 1)
  end
  answer[#answer + 1] = points + 1
  answer[#answer + 1] = ends
end
answer[#answer + 1] = now
return answer
`);

/** ARGV: the end of each key's counter. */
const GIVE_BACK = redisScript(`${PRELUDE}
for i, key in ipairs(KEYS) do
  local points, ends = count(key)
  if points > 0 and ends == tonumber(ARGV[i]) then redis.call('HINCRBY', key, 'n', -1) end
end
return 0
`);

const SET = redisScript(`${PRELUDE}
local ends = string.format('%d', now + tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'n', ARGV[1], 'e', ends)
redis.call('PEXPIREAT', KEYS[1], ends)
return 0
`);

const GET = redisScript(`${PRELUDE}
local points, ends = count(KEYS[1])
return {points, ends, now}
`);

function described(points: number, ends: number, now: number): Count {
  return { points, millisecondsLeft: ends - now, endsBy: ends };
}

/**
 * Counters in Redis, for all processes of all machines; a group of them is in one slot. A Cluster that loses an answer may send a command
 * twice, which counts an attempt twice or takes it back twice: by one, within a window.
 */
export class RedisThrottleCounters implements ThrottleCounters {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  async take(takings: readonly Taking[]): Promise<Taken> {
    const keys = takings.map(({ key }) => this.#nameOf(key));
    const limits = takings.flatMap(({ limit, seconds }) => [
      Math.min(limit, Number.MAX_SAFE_INTEGER),
      seconds * 1000,
    ]);
    const [full = 0, ...rest] = (await this.#redis.runScript(TAKE, keys, limits)) as number[];
    if (full > 0) return { outcome: 'full', index: full - 1, millisecondsLeft: rest[0] ?? 0 };
    const now = rest.at(-1) ?? 0;
    const counts = takings.map((_, index) => described(rest[2 * index] ?? 0, rest[2 * index + 1] ?? 0, now));
    return { outcome: 'taken', counts };
  }

  async giveBack(taken: readonly { key: CounterKey; count: Count }[]): Promise<void> {
    const groups = Map.groupBy(taken, ({ key }) => key.group);
    await Promise.all(
      [...groups.values()].map((members) =>
        this.#redis.runScript(
          GIVE_BACK,
          members.map(({ key }) => this.#nameOf(key)),
          members.map(({ count }) => count.endsBy),
        ),
      ),
    );
  }

  async set(key: CounterKey, points: number, seconds: number): Promise<void> {
    await this.#redis.runScript(SET, [this.#nameOf(key)], [points, seconds * 1000]);
  }

  async get(key: CounterKey): Promise<Count | undefined> {
    const reply = await this.#redis.runScript(GET, [this.#nameOf(key)], []);
    const [points = 0, ends = 0, now = 0] = reply as number[];
    return ends === 0 ? undefined : described(points, ends, now);
  }

  async remove(key: CounterKey): Promise<boolean> {
    const removed = await this.#redis.roundTrip((client) => client.del(this.#nameOf(key)));
    return removed > 0;
  }

  #nameOf({ group, name }: CounterKey): string {
    return `${this.#redis.prefix}throttle:{${group}}:${name}`;
  }
}
