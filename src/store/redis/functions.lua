#!lua name=onestop_1
-- What onestop does inside Redis. Each function looks first, and from its first write on nothing may fail.
--
-- The library and its functions carry a version in their names, so that two releases serve side by side. A text that
-- was ever released is never changed: what differs is the next version.

local ABSENT = '\0\0\0\0\0\0\0\0'

-- A commit: all of it, or nothing.
--   keys   store, person, persons, journal, entries, clock, list, then a key for each entry
--   args   whose store, the version expected, the state after, the person's member, the request's field, the id of
--          the first entry, the day that it is listed under or nothing, the shard, the number of entries; for each
--          entry its record and id, the deed, the settlement, the instant; then fields and rows of claims
-- What was written by the same commit before, whose reply was lost, is done.
local function commit(keys, args)
  local store, person, persons, journal, total, clock, list = unpack(keys, 1, 7)
  local whose, expected, state, member, request, first, day, shard, entries = unpack(args, 1, 9)
  if redis.call('GET', store) ~= whose then return 'another store' end
  local seen = redis.call('HMGET', person, 's', request)
  if seen[2] == first then return 'done' end
  local version = seen[1] and string.sub(seen[1], 1, 8) or ABSENT
  if seen[2] or version ~= expected then return 'conflict' end
  for at = 1, entries do
    if redis.call('EXISTS', keys[7 + at]) == 1 then return 'taken' end
  end
  for at = 1, entries do
    local record, id, deed, settlement, instant = unpack(args, 5 + 5 * at, 9 + 5 * at)
    redis.call('SET', keys[7 + at], record)
    redis.call('XADD', journal, '*', 'entry', id, 'deed', deed, 'settlement', settlement, 'committed', instant)
  end
  redis.call('INCRBY', total, entries)
  redis.call('HSET', person, 's', state, request, first)
  for at = 10 + 5 * entries, #args, 2 do
    redis.call('HSET', person, args[at], args[at + 1])
  end
  if expected == ABSENT then redis.call('ZADD', persons, 0, member) end
  if day ~= '' then
    -- By the clock, and behind every place that was given or shown before.
    local time = redis.call('TIME')
    local number = math.max(time[1] * 1000000 + time[2], (redis.call('GET', clock) or 0) + 1)
    redis.call('SET', clock, string.format('%.0f', number))
    redis.call('ZADD', list, 0, day .. string.format('%016.0f', number) .. shard .. first)
  end
  return 'done'
end

-- Binds a claim to a person, if it is bound to nobody; else tells to whom.
--   keys   store, binding      args   whose store, the person
local function bind(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return {'another store'} end
  local there = redis.call('GET', keys[2])
  if there then return {'bound', there} end
  redis.call('SET', keys[2], args[2])
  return {'done'}
end

-- Notes in the shard that an id names where its entry lies, if nothing has the id.
--   keys   store, entry        args   whose store, what leads to the shard
local function lead(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 'another store' end
  local there = redis.call('GET', keys[2])
  if there and there ~= args[2] then return 'taken' end
  if not there then redis.call('SET', keys[2], args[2]) end
  return 'done'
end

-- The places of a hospital, of which those up to a number are complete for ever: later ones come behind it.
--   keys   clock, list         args   the number, from, until, most
local function places(keys, args)
  if (tonumber(redis.call('GET', keys[1]) or 0)) < tonumber(args[1]) then redis.call('SET', keys[1], args[1]) end
  return redis.call('ZRANGEBYLEX', keys[2], args[2], args[3], 'LIMIT', 0, args[4])
end

-- Lists a settlement that was committed elsewhere, with a number behind all that were given.
--   keys   store, clock, list  args   whose store, the number, the place
local function list(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 'another store' end
  redis.call('ZADD', keys[3], 0, args[3])
  if tonumber(redis.call('GET', keys[2]) or 0) < tonumber(args[2]) then redis.call('SET', keys[2], args[2]) end
  return 'done'
end

-- Leaves entries to an archive, each only if it is byte for byte what is there.
--   keys   store, then a key for each entry
--   args   whose store, what stands for an entry that is in the archive, then the archive's record of each entry
-- Tells of each entry what became of it.
local function leave(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return {'another store'} end
  local told, same = {'done'}, {}
  for at = 2, #keys do
    local there = redis.call('GET', keys[at])
    told[at] = there == args[at + 1] and 'moved' or there == args[2] and 'moved before' or 'differs'
    if told[at] == 'moved' then same[#same + 1] = keys[at] end
  end
  for _, key in ipairs(same) do redis.call('SET', key, args[2]) end
  return told
end

redis.register_function('onestop_1_commit', commit)
redis.register_function('onestop_1_bind', bind)
redis.register_function('onestop_1_lead', lead)
redis.register_function('onestop_1_places', places)
redis.register_function('onestop_1_list', list)
redis.register_function('onestop_1_leave', leave)
