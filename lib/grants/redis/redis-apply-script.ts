import { redisScript } from '../../redis/redis.ts';
import {
  GRANT_BYTES,
  GRANT_FORMAT,
  RECORD_BYTES,
  RECORD_FORMAT,
  SESSION_BYTES,
  SESSION_FORMAT,
} from './redis-layouts.ts';

/** Hands out keys and arguments in their order, tells the time of the server, and names the layouts. */
export const PRELUDE = `
local nextKey, nextArgument = 0, 0
local function key() nextKey = nextKey + 1; return KEYS[nextKey] end
local function text() nextArgument = nextArgument + 1; return ARGV[nextArgument] end
local function number() return tonumber(text()) end
local function flag() return text() == '1' end

local time = redis.call('TIME')
local seconds = tonumber(time[1])
local milliseconds = seconds * 1000 + math.floor(tonumber(time[2]) / 1000)

local RECORD, RECORD_END = '${RECORD_FORMAT}', ${RECORD_BYTES - 1}
local GRANT, GRANT_END = '${GRANT_FORMAT}', ${GRANT_BYTES - 1}
local SESSION, SESSION_END = '${SESSION_FORMAT}', ${SESSION_BYTES - 1}
local function zeros(count) return string.rep('\\0', count) end
local function headerOf(name, last)
  local header = redis.call('GETRANGE', name, 0, last)
  if header ~= '' then return header end
end
-- At least this long (ms) it is kept, never shorter than before.
local function outlive(name, life)
  if redis.call('PTTL', name) < life then redis.call('PEXPIRE', name, life) end
end
local function keep(name, value, life)
  redis.call('SET', name, value, 'PX', math.max(redis.call('PTTL', name), life))
end
-- What has expired leaves an index a few entries at a time: more than one write adds.
local function enter(index, member, untilSeconds, life)
  redis.call('ZADD', index, 'GT', untilSeconds, member)
  local expired = redis.call('ZRANGEBYSCORE', index, '-inf', seconds, 'LIMIT', 0, 20)
  if #expired > 0 then redis.call('ZREM', index, unpack(expired)) end
  outlive(index, life)
end
`;

/** Moving a grant's generation on ends all tokens of it; its end takes the payload too, and stays for as long as they could live. */
export const ENDINGS = `
local function moveOn(name, consent)
  local header = headerOf(name, GRANT_END)
  if not header then return false end
  local layout, ended, version, generation, created, indexed, by, account, client = struct.unpack(GRANT, header)
  if ended == 1 then return false end
  if consent then
    redis.call('SET', name,
      struct.pack(GRANT, layout, 1, version, generation + 1, created, indexed, by, account, client), 'KEEPTTL')
  else
    redis.call('SETRANGE', name, 10, struct.pack('>d', generation + 1))
  end
  return true
end
local function endSession(name)
  local header = headerOf(name, SESSION_END)
  if not header then return false end
  local layout, ended, version, indexed, by, owned, account = struct.unpack(SESSION, header)
  if ended == 0 then
    redis.call('SET', name, struct.pack(SESSION, layout, 1, version + 1, indexed, by, owned, account), 'KEEPTTL')
  end
  return true
end
`;

const CONSUMPTION = `
local function judgeConsumption()
  local name, model, grace = key(), text(), number()
  local grant = flag() and key() or nil
  local successor = flag() and key() or nil
  local header = headerOf(name, RECORD_END)
  if not header then return 'already_used', model end
  local _, _, _, consumed, generation, by = struct.unpack(RECORD, header)
  if consumed == 0 or by == unit then
    write(function() redis.call('SETRANGE', name, 17, struct.pack('>ddc12', consumed == 0 and seconds or consumed, generation, unit)) end)
  elseif grace == 0 or seconds - consumed > grace then
    return model == 'RefreshToken' and 'reused' or 'already_used', model, grant or '', by
  else
    -- Within the grace nothing new is issued: a line of tokens that splits would hide a thief.
    local successorHeader = successor and headerOf(successor, RECORD_END)
    if successor and (not successorHeader or select(4, struct.unpack(RECORD, successorHeader)) ~= 0) then
      return 'already_used', model
    end
    -- Whoever used it first is not the last who heard of its successor: that use cannot be taken back any more.
    write(function() redis.call('SETRANGE', name, 33, unit) end)
  end
end
`;

const GRANT_SAVE = `
local function judgeGrant(index)
  local name, base, created, indexed = key(), text(), number(), number()
  local account, client, member, life, sealed = text(), text(), text(), number(), text()
  local header = headerOf(name, GRANT_END)
  local version, generation = 0, 0
  if header then
    local _, ended, current, present, since, known = struct.unpack(GRANT, header)
    if ended == 1 then return 'grant_revoked', 'Grant' end
    if tonumber(base) ~= current then conflict('grant', index, name); return end
    version, generation, created, indexed = current, present, since, math.max(known, indexed)
  elseif base ~= '' or sourceEnded then
    return 'grant_revoked', 'Grant'
  end
  saved[name] = indexed
  write(function()
    keep(name, struct.pack(GRANT, 1, 0, version + 1, generation, created, indexed, unit, account, client) .. sealed, life)
    enter(partition, member, indexed, life)
  end)
end
`;

const RECORD_SAVE = `
-- The generation that something is issued in, if its grant still is what the request saw.
local function judgeGround(life, untilSeconds)
  local name, seen = key(), text()
  local header = headerOf(name, GRANT_END)
  if not header then
    if saved[name] then return 0, name end
    return nil
  end
  local _, ended, _, generation, _, indexed = struct.unpack(GRANT, header)
  if ended == 1 or (seen ~= '' and tonumber(seen) ~= generation) then return nil end
  if math.max(indexed, saved[name] or 0) < untilSeconds then conflict('index', 0, name) end
  return generation, name
end

-- Of something that is kept under another tag.
local function judgeGroundAlone()
  local model, life = text(), number()
  local generation, grant = judgeGround(life, seconds + math.ceil(life / 1000))
  if not generation then return 'grant_revoked', model end
  write(function() outlive(grant, life) end)
end

local function judgeRecord()
  local name, model, existing, base, proved = key(), text(), text(), text(), number()
  local life, body, ground = number(), text(), text()
  local generation, grant = -1, nil
  if ground == 'here' then
    generation, grant = judgeGround(life, seconds + math.ceil(life / 1000))
    if not generation then return 'grant_revoked', model end
  elseif ground ~= '' then
    generation = tonumber(ground)
  end
  local header = headerOf(name, RECORD_END)
  local written, consumed, by = milliseconds, 0, unit
  if header then
    local _, before, _, used, _, nonce = struct.unpack(RECORD, header)
    if existing == 'unchanged' and tonumber(base) ~= before then return 'already_used', model end
    if existing == 'refuse' then
      if nonce == unit then return end
      return 'replayed', model
    end
    if existing == 'keep' then return end
    written, consumed = math.max(written, before + 1), used
    if used ~= 0 then by = nonce end
  elseif base ~= '' then
    return 'already_used', model
  end
  write(function()
    redis.call('SET', name, struct.pack(RECORD, 1, written, proved, consumed, generation, by) .. body, 'PX', life)
    if grant then outlive(grant, life) end
  end)
end
`;

const SESSION_SAVE = `
local function judgeSession(index)
  local name, base, owner, indexed, member = key(), text(), text(), number(), text()
  local life, sealed = number(), text()
  local pointer, pointed = nil, nil
  if flag() then pointer, pointed = key(), text() end
  local former, formerLife = {}, number()
  for one = 1, number() do former[one] = key() end
  local header = headerOf(name, SESSION_END)
  local version = 0
  if header then
    local _, ended, current, known = struct.unpack(SESSION, header)
    if ended == 1 then return 'session_ended', 'Session' end
    if tonumber(base) ~= current then conflict('session', index, name); return end
    version, indexed = current, math.max(known, indexed)
  elseif base ~= '' then
    return 'session_ended', 'Session'
  end
  write(function()
    keep(name, struct.pack('>BBddc12', 1, 0, version + 1, indexed, unit) .. owner .. sealed, life)
    if member ~= '' then enter(partition, member, indexed, life) end
    if pointer then keep(pointer, pointed, life) end
    for _, old in ipairs(former) do
      if formerLife == 0 then redis.call('DEL', old)
      elseif redis.call('PTTL', old) > formerLife then redis.call('PEXPIRE', old, formerLife) end
    end
  end)
end
`;

/**
 * Applies what a unit writes under one tag: all is judged before anything is written. Replies 'committed', 'refused <reason>
 * <model>' (with ' elsewhere <number of the unit that was first>' when a family is to be ended under another tag), or, having written nothing, what others have
 * written meanwhile: pairs of what it is ('grant <index>', 'session <index>', 'index <key>') and the value. The outcome is remembered
 * for a minute by the unit's number: the same command sent again is told the same.
 */
export const APPLY = redisScript(`${PRELUDE}${ENDINGS}
local unit, partition, remembers, lenient, checks = text(), key(), flag(), flag(), flag()
local memory = remembers and key() or nil
local told = memory and redis.call('GET', memory)
if told then return told end

local writes, conflicts, saved, sourceEnded = {}, {}, {}, false
local function write(action) writes[#writes + 1] = action end
local function conflict(kind, index, name)
  conflicts[#conflicts + 1] = kind .. ' ' .. (kind == 'index' and name or index)
  conflicts[#conflicts + 1] = redis.call('GET', name)
end
${CONSUMPTION}${GRANT_SAVE}${RECORD_SAVE}${SESSION_SAVE}
local reason, model, family, first
local function judge(each)
  if reason then return end
  for index = 1, number() do
    local why, what, grant, by = each(index)
    if why and not lenient then
      reason, model, family, first = why, what, grant, by
      return
    end
  end
end
-- Grants that one of the saved ones may be a copy of.
for _ = 1, number() do
  local header = headerOf(key(), GRANT_END)
  if not header or select(2, struct.unpack(GRANT, header)) == 1 then sourceEnded = true end
end
-- Grants that the indexes were told to know of for longer.
for _ = 1, number() do
  local name, member, indexed, life = key(), text(), number(), number()
  saved[name] = indexed
  write(function()
    redis.call('SETRANGE', name, 26, struct.pack('>d', indexed))
    enter(partition, member, indexed, life)
  end)
end
judge(judgeConsumption)
judge(judgeGrant)
judge(judgeGroundAlone)
judge(judgeRecord)
judge(judgeSession)

local outcome = 'committed'
if reason then
  outcome = 'refused ' .. reason .. ' ' .. model
  if family == '' then outcome = outcome .. ' elsewhere ' .. first elseif family then moveOn(family, false) end
elseif #conflicts > 0 then
  return conflicts
elseif not checks then
  for _, action in ipairs(writes) do action() end
  for _ = 1, number() do redis.call('DEL', key()) end
  for _ = 1, number() do
    local name, consent = key(), flag()
    moveOn(name, consent)
  end
  for _ = 1, number() do endSession(key()) end
end
if memory then redis.call('SET', memory, outcome, 'PX', 60000) end
return outcome
`);
