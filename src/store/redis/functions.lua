#!lua name=onestop_4
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

-- The most fields of a hash that one command writes.
local FIELDS = 1000

-- Writes the fields of a hash, which are in args from one index on, after these first ones.
local function write_fields(key, fields, args, from, last)
  for at = from, last do
    fields[#fields + 1] = args[at]
    if #fields >= FIELDS and #fields % 2 == 0 then
      redis.call('HSET', key, unpack(fields))
      fields = {}
    end
  end
  if #fields > 0 then redis.call('HSET', key, unpack(fields)) end
end

-- Whether none of these keys is bound to another person.
local function all_bound_to(keys, from, last, person)
  for at = from, last do
    local bound = redis.call('GET', keys[at])
    if bound and bound ~= person then return false end
  end
  return true
end

-- Writes all of a commit, or nothing; the status is that of `commit`.
--   shard  the keys of the shard, and its numbers
--   keys   from `key` on: person, list, a key for each entry, a key for each binding
--   args   from `at` on: expected version, new state, the person's member, the request's field, id of its entry, the day of that
--          entry's list or empty, number of entries, the day of the commit, 'live' or 'copied', the last closed month or
--          '' if none is, or '-' if it does not count, number of bindings, and the person they name; for each entry: record, id,
--          deed, settlement, instant; then, up to `last`, pairs of claim field and claim row
local function commit_one(shard, keys, key, args, at, last)
  local expected, state, member, request, answer, day, entries, today, origin, months, bindings, person_id =
    unpack(args, at, at + 11)
  local person, list = keys[key], keys[key + 1]
  local first_entry, first_binding = key + 2, key + 2 + entries
  local seen = redis.call('HMGET', person, 's', request)
  if seen[2] == answer then return 'done' end
  local version = seen[1] and string.sub(seen[1], 1, 8) or ABSENT
  if seen[2] or version ~= expected then return 'conflict' end
  if months ~= '-' and shard.months ~= months then return 'conflict' end
  if origin == 'live' and tonumber(today) < shard.newest then return 'earlier day ' .. shard.newest end
  if not all_bound_to(keys, first_binding, first_binding + bindings - 1, person_id) then return 'conflict' end
  for entry = first_entry, first_binding - 1 do
    if redis.call('EXISTS', keys[entry]) == 1 then return 'taken' end
  end
  local number = math.max(shard.time, shard.clock + 1)
  shard.clock = number + entries
  for entry = 0, entries - 1 do
    local record, id, deed, settlement, instant = unpack(args, at + 12 + 5 * entry, at + 16 + 5 * entry)
    redis.call('SET', keys[first_entry + entry], record)
    publish(shard.journal, number + entry, id, deed, settlement, instant)
  end
  for binding = first_binding, first_binding + bindings - 1 do
    redis.call('SET', keys[binding], person_id)
  end
  write_fields(person, { 's', state, request, answer }, args, at + 12 + 5 * entries, last)
  if expected == ABSENT then redis.call('ZADD', shard.persons, 0, member) end
  if day ~= '' then
    redis.call('ZADD', list, 0, day .. string.format('%016.0f', shard.clock) .. shard.name .. answer)
  end
  shard.written = shard.written + entries
  shard.newest = math.max(shard.newest, tonumber(today))
  return 'done'
end

-- Commits of several persons, each of which is written wholly, or not at all; returns the status of each.
--   keys   for each shard: store, persons, journal, entries, clock, day, closed, then the keys of its commits
--   args   marker, number of shards, then for each shard its name and its number of commits, then for each of them the number of
--          its keys, the number of its arguments, and those
-- A commit that was written before, but whose reply was lost, returns 'done'. A live commit on a day before the newest
-- day of its shard returns 'earlier day', with the newest day. A commit that fails, since its rows are damaged, fails alone.
local function commit(keys, args)
  local statuses, key, at, time = {}, 1, 3, redis.call('TIME')
  for _ = 1, args[2] do
    local store, persons, journal, total, clock, newest, closed = unpack(keys, key, key + 6)
    local read = redis.call('MGET', store, clock, newest, closed)
    local shard = {
      name = args[at], persons = persons, journal = journal, written = 0, months = read[4] or '',
      clock = tonumber(read[2] or 0), newest = tonumber(read[3] or 0), time = time[1] * 1000000 + time[2],
    }
    local clock_before, newest_before, commits = shard.clock, shard.newest, args[at + 1]
    key, at = key + 7, at + 2
    for _ = 1, commits do
      local key_count, count = tonumber(args[at]), tonumber(args[at + 1])
      local written, status = true, 'another store'
      if read[1] == args[1] then
        written, status = pcall(commit_one, shard, keys, key, args, at + 2, at + 1 + count)
      end
      if not written then status = 'failed ' .. (type(status) == 'table' and status.err or tostring(status)) end
      statuses[#statuses + 1] = status
      key, at = key + key_count, at + 2 + count
    end
    if shard.clock > clock_before then redis.call('SET', clock, string.format('%.0f', shard.clock)) end
    if shard.written > 0 then redis.call('INCRBY', total, shard.written) end
    if shard.newest > newest_before then redis.call('SET', newest, shard.newest) end
  end
  return statuses
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

redis.register_function('onestop_4_commit', commit)
redis.register_function('onestop_4_administer', administer)
redis.register_function('onestop_4_close', close)
redis.register_function('onestop_4_bind', bind)
redis.register_function('onestop_4_redirect', redirect)
redis.register_function('onestop_4_positions', positions)
redis.register_function('onestop_4_entries', entries)
redis.register_function('onestop_4_append', append)
redis.register_function('onestop_4_archive', archive)
redis.register_function('onestop_4_write', write)
