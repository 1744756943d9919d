#!lua name=onestop_3
-- The functions of onestop inside Redis. Each one checks everything first; after its first write nothing may fail.
--
-- The names of the library and of its functions carry a version, so that two releases can serve side by side. A
-- released text is never changed: a change is a new version.

local ABSENT = '\0\0\0\0\0\0\0\0'

-- The number of the next position or entry: the time, but after every number that this shard assigned or returned before.
local function next_number(clock)
  local time = redis.call('TIME')
  return math.max(time[1] * 1000000 + time[2], (redis.call('GET', clock) or 0) + 1)
end

-- Appends an entry to the stream of its shard.
local function publish(journal, number, id, deed, settlement, instant)
  local position = string.format('%.0f-0', number)
  redis.call('XADD', journal, position, 'entry', id, 'deed', deed, 'settlement', settlement, 'committed', instant)
end

-- Writes all of a commit, or nothing.
--   keys   store, person, persons, journal, entries, clock, day, list, closed, then a key for each entry
--   args   marker, expected version, new state, the person's member, the request's field, id of its entry, the
--          day of that entry's list or empty, shard, number of entries, the day of the commit, 'live' or 'copied', the last closed
--          month or '' if none is, or '-' if it does not count; for each entry: record, id, deed, settlement, instant; then pairs of claim field and claim row
-- A commit that was written before, but whose reply was lost, returns 'done'. A live commit on a day before the newest
-- day of this shard returns 'earlier day', with the newest day.
local function commit(keys, args)
  local store, person, persons, journal, total, clock, newest, list, closed = unpack(keys, 1, 9)
  local marker, expected, state, member, request, answer, day, shard, entries, today, origin, months = unpack(args, 1, 12)
  if redis.call('GET', store) ~= marker then return 'another store' end
  local seen = redis.call('HMGET', person, 's', request)
  if seen[2] == answer then return 'done' end
  local version = seen[1] and string.sub(seen[1], 1, 8) or ABSENT
  if seen[2] or version ~= expected then return 'conflict' end
  if months ~= '-' and (redis.call('GET', closed) or '') ~= months then return 'conflict' end
  local known = tonumber(redis.call('GET', newest) or 0)
  if origin == 'live' and tonumber(today) < known then return 'earlier day ' .. known end
  for at = 1, entries do
    if redis.call('EXISTS', keys[9 + at]) == 1 then return 'taken' end
  end
  if tonumber(today) > known then redis.call('SET', newest, today) end
  local number = next_number(clock)
  for at = 1, entries do
    local record, id, deed, settlement, instant = unpack(args, 8 + 5 * at, 12 + 5 * at)
    redis.call('SET', keys[9 + at], record)
    publish(journal, number, id, deed, settlement, instant)
    number = number + 1
  end
  redis.call('INCRBY', total, entries)
  redis.call('HSET', person, 's', state, request, answer)
  for at = 13 + 5 * entries, #args, 2 do
    redis.call('HSET', person, args[at], args[at + 1])
  end
  if expected == ABSENT then redis.call('ZADD', persons, 0, member) end
  if day ~= '' then
    redis.call('ZADD', list, 0, day .. string.format('%016.0f', number) .. shard .. answer)
  end
  redis.call('SET', clock, string.format('%.0f', number))
  return 'done'
end

-- Writes a commit of the administration, with what applies from it on, or nothing.
--   keys   store, administration, journal, entries, clock, day, entry, shared, imports, noted
--   args   marker, expected version, new state, record, id, deed, instant, the day of the commit, 'live' or 'copied', a number that
--          the entry's is to be above; then 'book' and its digest, 'import' with the number of an import and the row of its end, or
--          neither
-- The status is that of a commit.
local function administer(keys, args)
  local store, chain, journal, total, clock, newest, entry, shared, imports, noted = unpack(keys)
  local marker, expected, state, record, id, deed, instant, today, origin, floor, effect, value, row = unpack(args)
  if redis.call('GET', store) ~= marker then return 'another store' end
  local seen = redis.call('GET', chain)
  if seen == state then return 'done' end
  if (seen and string.sub(seen, 1, 8) or ABSENT) ~= expected then return 'conflict' end
  local known = tonumber(redis.call('GET', newest) or 0)
  if origin == 'live' and tonumber(today) < known then return 'earlier day ' .. known end
  if redis.call('EXISTS', entry) == 1 then return 'taken' end
  if tonumber(today) > known then redis.call('SET', newest, today) end
  local number = math.max(next_number(clock), floor + 1)
  redis.call('SET', entry, record)
  publish(journal, number, id, deed, '', instant)
  redis.call('INCR', total)
  redis.call('SET', chain, state)
  if effect == 'book' then redis.call('HSET', shared, 'book', value) end
  if effect == 'import' then
    redis.call('ZADD', imports, value, value)
    redis.call('HSET', noted, value .. ' ended', row)
    redis.call('HSET', shared, 'tables', value)
  end
  redis.call('SET', clock, string.format('%.0f', number))
  return 'done'
end

-- Binds a claim to a person unless it is bound; returns the person that it is bound to.
--   keys   store, binding      args   marker, person
local function bind(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return {'another store'} end
  local bound = redis.call('GET', keys[2])
  if bound then return {'bound', bound} end
  redis.call('SET', keys[2], args[2])
  return {'done'}
end

-- Records, in the shard that an id names, the shard of its entry, unless the id is used.
--   keys   store, entry        args   marker, redirect
local function redirect(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 'another store' end
  local found = redis.call('GET', keys[2])
  if found and found ~= args[2] then return 'taken' end
  if not found then redis.call('SET', keys[2], args[2]) end
  return 'done'
end

-- Raises the number under a key to at least the given one.
local function raise(key, number)
  if tonumber(redis.call('GET', key) or 0) < tonumber(number) then redis.call('SET', key, number) end
end

-- Closes months for the persons of a shard: commits that decided their booking months before are refused, and later ones are not
-- on an earlier day than the closing.
--   keys   store, closed, day   args   marker, month, day
local function close(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 'another store' end
  raise(keys[2], args[2])
  raise(keys[3], args[3])
  return 'done'
end

-- Reads positions of a hospital's list. Raises the clock and the newest day first: positions up to them are then
-- complete, since later commits get higher numbers and are not on an earlier day.
--   keys   store, clock, day, list   args   marker, day, number, from, until, limit
local function positions(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return {} end
  raise(keys[2], args[3])
  raise(keys[3], args[2])
  return redis.call('ZRANGEBYLEX', keys[4], args[4], args[5], 'LIMIT', 0, args[6])
end

-- Reads entries in the order of commits: number, shard and id of each. Raises the clock first: entries up to it are then
-- complete, since later commits get higher numbers.
--   keys   store, clock, journal   args   marker, number, from, limit, shard
local function entries(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return {} end
  raise(keys[2], args[2])
  local found = {}
  for at, item in ipairs(redis.call('XRANGE', keys[3], args[3], '+', 'COUNT', args[4])) do
    local number = tonumber(string.match(item[1], '^%d+'))
    found[at] = string.format('%016.0f', number) .. args[5] .. item[2][2]
  end
  return found
end

-- Appends a settlement that was committed in another store, with a number after all others.
--   keys   store, clock, day, list   args   marker, number, day, position
local function append(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 'another store' end
  redis.call('ZADD', keys[4], 0, args[4])
  raise(keys[2], args[2])
  raise(keys[3], args[3])
  return 'done'
end

-- Executes commands, each on a key of this shard; returns 'done' and their replies.
--   keys   store, then a key for each command
--   args   marker, then for each command its name, the number of its arguments after the key, and those
local function write(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return {'another store'} end
  local replies, at = {'done'}, 2
  for command = 2, #keys do
    local count = tonumber(args[at + 1])
    replies[command] = redis.call(args[at], keys[command], unpack(args, at + 2, at + 1 + count))
    at = at + 2 + count
  end
  return replies
end

-- Replaces records that are in the archive by a placeholder, each only if it is byte for byte the archive's record.
--   keys   store, then a key for each entry
--   args   marker, placeholder, then the archive's record of each entry
-- Returns the outcome of each entry.
local function archive(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return {'another store'} end
  local outcomes, same = {'done'}, {}
  for at = 2, #keys do
    local found = redis.call('GET', keys[at])
    outcomes[at] = found == args[at + 1] and 'archived' or found == args[2] and 'already archived' or 'differs'
    if outcomes[at] == 'archived' then same[#same + 1] = keys[at] end
  end
  for _, key in ipairs(same) do redis.call('SET', key, args[2]) end
  return outcomes
end

redis.register_function('onestop_3_commit', commit)
redis.register_function('onestop_3_administer', administer)
redis.register_function('onestop_3_close', close)
redis.register_function('onestop_3_bind', bind)
redis.register_function('onestop_3_redirect', redirect)
redis.register_function('onestop_3_positions', positions)
redis.register_function('onestop_3_entries', entries)
redis.register_function('onestop_3_append', append)
redis.register_function('onestop_3_archive', archive)
redis.register_function('onestop_3_write', write)
