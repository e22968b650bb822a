import { redisScript } from '../../redis/redis.ts';
import { ENDINGS, PRELUDE } from './redis-apply-script.ts';
import { RECORD_BYTES } from './redis-layouts.ts';

/** How long (ms) what is not there yet stays ended: longer than any request that has announced it may take to write it. */
const BARRIER_MILLISECONDS = 600_000;
/** How long (ms) a person's ending is remembered: longer than any interaction that began before it may take. */
const ENDING_MILLISECONDS = 2 * 86_400_000;
/** How much longer (s) than it lives the index knows of something, so that not each write has to tell it. */
const INDEX_SLACK_SECONDS = 86_400;

/** A record, and what it stands on as far as that is under the same tag: server's time (s), record, grant, session. */
export const READ_RECORD = redisScript(`
local time = tonumber(redis.call('TIME')[1])
local record = redis.call('GET', KEYS[1])
if not record then return { time } end
local grantLength = string.byte(record, ${RECORD_BYTES + 1})
local grantKey = string.sub(record, ${RECORD_BYTES + 2}, ${RECORD_BYTES + 1} + grantLength)
local at = ${RECORD_BYTES + 2} + grantLength
local sessionKey = string.sub(record, at + 1, at + string.byte(record, at))
-- A Cluster that moves the slot may not have it here: it is then read by its own name.
local function get(prefix, key)
  if prefix == '' or key == '' then return false end
  local value = redis.pcall('GET', prefix .. key)
  return type(value) == 'string' and value
end
return { time, record, get(ARGV[1], grantKey), get(ARGV[2], sessionKey) }
`);

/** What a session's identifier leads to, and the session if it is under the same tag. */
export const READ_SESSION = redisScript(`
local pointer = redis.call('GET', KEYS[1])
if not pointer then return {} end
local value = redis.pcall('GET', ARGV[1] .. string.sub(pointer, 34))
return { pointer, type(value) == 'string' and value }
`);

/**
 * Announces to a person's index what is about to be written, and tells when the person was last ended: server's time (ms), that
 * time (ms, 0 for never), and for each entry until when (s) the index knows of it.
 */
export const ANNOUNCE = redisScript(`${PRELUDE}
local index, ending = key(), key()
local reply = { milliseconds, tonumber(redis.call('GET', ending) or 0) }
for _ = 1, number() do
  local life, member = number(), text()
  local untilSeconds = seconds + math.ceil(life / 1000) + ${INDEX_SLACK_SECONDS}
  enter(index, member, untilSeconds, life + ${INDEX_SLACK_SECONDS * 1000})
  reply[#reply + 1] = untilSeconds
end
return reply
`);

/** Notes that a person is ended now. */
export const MARK_ENDING = redisScript(`${PRELUDE}
local name = key()
local before = tonumber(redis.call('GET', name) or 0)
redis.call('SET', name, string.format('%.0f', math.max(before, milliseconds)), 'PX', ${ENDING_MILLISECONDS})
`);

/** What an index knows of that has not expired. */
export const LIST_INDEX = redisScript(`${PRELUDE}
return redis.call('ZRANGEBYSCORE', key(), seconds, '+inf')
`);

/** Ends grants and sessions under one tag, also those that are not there yet. Replies how many grants that ended. */
export const END = redisScript(`${PRELUDE}${ENDINGS}
local count = 0
for _ = 1, number() do
  local name, what = key(), text()
  if what == 'session' then
    if not endSession(name) then
      redis.call('SET', name, struct.pack(SESSION, 1, 1, 1, 0, zeros(12), 0, zeros(32)), 'PX', ${BARRIER_MILLISECONDS})
    end
  elseif moveOn(name, what == 'consent') then
    count = count + 1
  elseif not headerOf(name, 0) then
    redis.call('SET', name, struct.pack(GRANT, 1, 1, 1, 1, 0, 0, zeros(12), zeros(32), zeros(12)), 'PX', ${BARRIER_MILLISECONDS})
  end
end
return count
`);

/**
 * Takes back what a unit used and issued under one tag, unless somebody has been told of it: its command may have run though
 * nobody heard so, and may still arrive; then it changes nothing.
 */
export const WITHDRAW = redisScript(`${PRELUDE}
local unit, memory = text(), key()
local told = redis.call('GET', memory)
local used, issued = {}, {}
for one = 1, number() do used[one] = key() end
for one = 1, number() do issued[one] = key() end
local mine = {}
for _, name in ipairs(used) do
  local header = headerOf(name, RECORD_END)
  if header and told == 'committed' then
    local _, _, _, consumed, generation, by = struct.unpack(RECORD, header)
    if consumed ~= 0 and by ~= unit then return 'kept' end
    mine[name] = generation
  end
end
for name, generation in pairs(mine) do
  redis.call('SETRANGE', name, 17, struct.pack('>ddc12', 0, generation, zeros(12)))
end
if told == 'committed' then
  for _, name in ipairs(issued) do
    local header = headerOf(name, RECORD_END)
    if header and select(6, struct.unpack(RECORD, header)) == unit then redis.call('DEL', name) end
  end
end
redis.call('SET', memory, 'refused already_used withdrawn', 'PX', 60000)
return 'withdrawn'
`);
