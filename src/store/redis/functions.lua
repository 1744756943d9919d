#!lua name=onestop_6
-- The functions of onestop inside Redis. Each one checks everything first; after its first write nothing may fail. So the
-- checks include the types of keys and the numbers in them. Redis refuses the first write of a function, or none, when its memory
-- is full, its disk fails or replicas are missing; which commands its user may execute is checked when it is connected to.
--
-- The names of the library and of its functions carry a version, so that two releases can serve side by side. A
-- released text is never changed: a change is a new version.

local ABSENT = '\0\0\0\0\0\0\0\0'

-- The version of a state.
local function version_of(state)
  return state and string.sub(state, 1, 8) or ABSENT
end

-- The number of the next position or entry: the time, but after every number that this shard assigned or returned before.
local function next_number(clock)
  local time = redis.call('TIME')
  return math.max(time[1] * 1000000 + time[2], (redis.call('GET', clock) or 0) + 1)
end

-- Raises the numbers under keys to at least the given ones; all are read before any is written.
local function raise(keys, numbers)
  local is_lower = {}
  for at, known in ipairs(redis.call('MGET', unpack(keys))) do
    is_lower[at] = tonumber(known or 0) < tonumber(numbers[at])
  end
  for at, key in ipairs(keys) do
    if is_lower[at] then redis.call('SET', key, numbers[at]) end
  end
end

-- Appends an entry to the stream of its shard. A function writes it first: Redis refuses it if the key is no stream, or has a
-- later position.
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
  if seen[2] or version_of(seen[1]) ~= expected then return 'conflict' end
  if months ~= '-' and shard.months ~= months then return 'conflict' end
  if origin == 'live' and tonumber(today) < shard.newest then return 'earlier day ' .. shard.newest end
  if not all_bound_to(keys, first_binding, first_binding + bindings - 1, person_id) then return 'conflict' end
  for entry = first_entry, first_binding - 1 do
    if redis.call('EXISTS', keys[entry]) == 1 then return 'taken' end
  end
  -- They fail if the key is no sorted set.
  if expected == ABSENT then redis.call('ZCARD', shard.persons) end
  if day ~= '' then redis.call('ZCARD', list) end
  local number, total = math.max(shard.time, shard.clock + 1), shard.total + entries
  local newest = math.max(shard.newest, tonumber(today))
  for entry = 0, entries - 1 do
    local record, id, deed, settlement, instant = unpack(args, at + 12 + 5 * entry, at + 16 + 5 * entry)
    publish(shard.journal, number + entry, id, deed, settlement, instant)
    redis.call('SET', keys[first_entry + entry], record)
  end
  shard.clock, shard.total, shard.newest, shard.is_written = number + entries, total, newest, true
  for binding = first_binding, first_binding + bindings - 1 do
    redis.call('SET', keys[binding], person_id)
  end
  write_fields(person, { 's', state, request, answer }, args, at + 12 + 5 * entries, last)
  if expected == ABSENT then redis.call('ZADD', shard.persons, 0, member) end
  if day ~= '' then
    redis.call('ZADD', list, 0, day .. string.format('%016.0f', shard.clock) .. shard.name .. answer)
  end
  return 'done'
end

-- Commits of several persons, each of which is written wholly, or not at all; returns the status of each.
--   keys   for each shard: store, persons, journal, entries, clock, day, closed, then the keys of its commits
--   args   marker, number of shards, then for each shard its name and its number of commits, then for each of them the number of
--          its keys, the number of its arguments, and those
-- A commit that was written before, but whose reply was lost, returns 'done'. A live commit on a day before the newest
-- day of its shard returns 'earlier day', with the newest day. A commit that fails, since its rows or the numbers of its shard
-- are damaged, fails alone, and nothing of it is written.
local function commit(keys, args)
  local statuses, key, at, time = {}, 1, 3, redis.call('TIME')
  for _ = 1, args[2] do
    local store, persons, journal, total, clock, newest, closed = unpack(keys, key, key + 6)
    local read = redis.call('MGET', store, clock, newest, closed, total)
    local shard = {
      name = args[at], persons = persons, journal = journal, months = read[4] or '', time = time[1] * 1000000 + time[2],
      clock = tonumber(read[2] or 0), newest = tonumber(read[3] or 0), total = tonumber(read[5] or 0), is_written = false,
    }
    local commits = args[at + 1]
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
    if shard.is_written then
      local number, count = string.format('%.0f', shard.clock), string.format('%.0f', shard.total)
      redis.call('MSET', clock, number, total, count, newest, shard.newest)
    end
  end
  return statuses
end

-- Whether a closing of this month with this number has begun, and neither ended nor was replaced.
local function is_closing(shared, number, month)
  local known = redis.call('HMGET', shared, 'closing', 'closing month')
  return known[1] == number and known[2] == month
end

-- Writes a commit of the administration, with what applies from it on, or nothing.
--   keys   store, administration, journal, entries, clock, day, entry, shared, imports, noted, lease
--   args   marker, expected version, new state, record, id, deed, instant, the day of the commit, 'live' or 'copied', a number that
--          the entry's is to be above; then 'book' and its digest, 'close' with the number of the closing and its month, 'import' with
--          the number of an import, the row of its end and the token of its lease or '' if it has none, or nothing
-- The status is that of a commit, or 'lease lost'.
local function administer(keys, args)
  local store, chain, journal, total, clock, newest, entry, shared, imports, noted, lease = unpack(keys)
  local marker, expected, state, record, id, deed, instant, today, origin, floor, effect, value, row, token = unpack(args)
  if redis.call('GET', store) ~= marker then return 'another store' end
  local seen = redis.call('GET', chain)
  if seen == state then return 'done' end
  if version_of(seen) ~= expected then return 'conflict' end
  -- Of a closing, the row is its month.
  if effect == 'close' and not is_closing(shared, value, row) then return 'conflict' end
  if effect == 'import' and token ~= '' and redis.call('GET', lease) ~= token then return 'lease lost' end
  local known = tonumber(redis.call('GET', newest) or 0)
  if origin == 'live' and tonumber(today) < known then return 'earlier day ' .. known end
  if redis.call('EXISTS', entry) == 1 then return 'taken' end
  local number, count = math.max(next_number(clock), floor + 1), (redis.call('GET', total) or 0) + 1
  -- They fail if the key is of another type.
  redis.call('HLEN', shared)
  redis.call('ZCARD', imports)
  redis.call('HLEN', noted)
  publish(journal, number, id, deed, '', instant)
  if tonumber(today) > known then redis.call('SET', newest, today) end
  redis.call('SET', entry, record)
  redis.call('SET', total, string.format('%.0f', count))
  redis.call('SET', chain, state)
  if effect == 'book' then redis.call('HSET', shared, 'book', value) end
  if effect == 'close' then redis.call('HDEL', shared, 'closing month') end
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

-- Begins the closing of a month, unless another month is being closed. A closing of the same month is joined; one of another
-- month that may be replaced is refused from then on, in every shard and in the chain. So is one with a number that a shard would
-- refuse: its server has what the server of these keys lost.
--   keys   store, administration, shared
--   args   marker, expected version, new state or '' if none is to be written, month, the number of the closing that may be
--          replaced or '', a number that the closing's is to be above
-- Returns 'done' and the number of the closing, or 'done' alone if the new state is written already; 'busy' and the number of the
-- closing of another month.
local function begin_closing(keys, args)
  local store, chain, shared = unpack(keys)
  local marker, expected, state, month, replaceable, floor = unpack(args)
  if redis.call('GET', store) ~= marker then return {'another store'} end
  local seen = redis.call('GET', chain)
  if seen == state then return {'done'} end
  if version_of(seen) ~= expected then return {'conflict'} end
  local known = redis.call('HMGET', shared, 'closing', 'closing month')
  local number, pending = known[1], known[2]
  if pending == month and tonumber(number) > tonumber(floor) then return {'done', number} end
  if pending and pending ~= month and number ~= replaceable then return {'busy', number} end
  number = string.format('%.0f', math.max(tonumber(number or 0), tonumber(floor)) + 1)
  redis.call('HSET', shared, 'closing', number, 'closing month', month)
  return {'done', number}
end

-- Closes months for the persons of a shard: commits that decided their booking months before are refused, and later ones are not
-- on an earlier day than the closing. Refused once a later closing closed months there, or another with the same number; what an
-- earlier one closed, and did not enter in the chain, is replaced.
--   keys   store, closed, closing, day   args   marker, month, the number of the closing, day
local function close(keys, args)
  local store, closed, closing, day = unpack(keys)
  local marker, month, number, today = unpack(args)
  if redis.call('GET', store) ~= marker then return 'another store' end
  local known = redis.call('MGET', closed, closing)
  local later = tonumber(known[2] or 0) - tonumber(number)
  if later > 0 or later == 0 and known[1] ~= month then return 'conflict' end
  raise({day}, {today})
  redis.call('MSET', closed, month, closing, number)
  return 'done'
end

-- Ends a closing of months that the chain has as closed already, unless it has ended: its reply was lost, or whoever joined it
-- ended it.
--   keys   store, shared   args   marker, month, the number of the closing
local function end_closing(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 'another store' end
  if not redis.call('HMGET', keys[2], 'closing month')[1] then return 'done' end
  if not is_closing(keys[2], args[3], args[2]) then return 'conflict' end
  redis.call('HDEL', keys[2], 'closing month')
  return 'done'
end

-- Reads positions of a hospital's list. Raises the clock and the newest day first: positions up to them are then
-- complete, since later commits get higher numbers and are not on an earlier day.
--   keys   store, clock, day, list   args   marker, day, number, from, until, limit
local function positions(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return {} end
  raise({keys[2], keys[3]}, {args[3], args[2]})
  return redis.call('ZRANGEBYLEX', keys[4], args[4], args[5], 'LIMIT', 0, args[6])
end

-- Reads entries in the order of commits: number, shard and id of each. Raises the clock first: entries up to it are then
-- complete, since later commits get higher numbers.
--   keys   store, clock, journal   args   marker, number, from, limit, shard
local function entries(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return {} end
  raise({keys[2]}, {args[2]})
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
  redis.call('ZCARD', keys[4])
  raise({keys[2], keys[3]}, {args[2], args[3]})
  redis.call('ZADD', keys[4], 0, args[4])
  return 'done'
end

-- For each command that `write` executes, one that fails on the same key if it is of another type.
local READS = { HSET = 'HLEN', HSETNX = 'HLEN', ZADD = 'ZCARD' }

-- Executes commands, each on a key of this shard; returns 'done' and their replies.
--   keys   store, a key of the shard, then a key for each command
--   args   marker, the value that the second key must have or the lease of the import is lost, then for each command its name,
--          the number of its arguments after the key, and those
local function write(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return {'another store'} end
  if redis.call('GET', keys[2]) ~= args[2] then return {'lease lost'} end
  local at = 3
  for command = 3, #keys do
    redis.call(READS[args[at]], keys[command])
    at = at + 2 + tonumber(args[at + 1])
  end
  local replies = {'done'}
  at = 3
  for command = 3, #keys do
    local count = tonumber(args[at + 1])
    replies[command - 1] = redis.call(args[at], keys[command], unpack(args, at + 2, at + 1 + count))
    at = at + 2 + count
  end
  return replies
end

-- Acquires the import lease, unless another instance holds it. One that this instance acquired without learning of it is replaced.
--   keys   store, lease, shared
--   args   marker, token, milliseconds, what the tokens of this instance begin with, a number that the lease's is to be above
-- Returns 'done', the number of the lease, and the version of the tables; or 'held'.
local function acquire_lease(keys, args)
  local store, lease, shared = unpack(keys)
  local marker, token, milliseconds, instance, floor = unpack(args)
  if redis.call('GET', store) ~= marker then return {'another store'} end
  local held = redis.call('GET', lease)
  if held and string.sub(held, 1, #instance) ~= instance then return {'held'} end
  if held ~= token then
    local number = math.max(tonumber(redis.call('HGET', shared, 'lease') or 0), tonumber(floor)) + 1
    redis.call('HSET', shared, 'lease', string.format('%.0f', number))
  end
  redis.call('SET', lease, token, 'PX', milliseconds)
  return {'done', unpack(redis.call('HMGET', shared, 'lease', 'tables'))}
end

-- Renews the import lease, if this token holds it.
--   keys   store, lease   args   marker, token, milliseconds
local function renew_lease(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 'another store' end
  if redis.call('GET', keys[2]) ~= args[2] then return 'lease lost' end
  redis.call('PEXPIRE', keys[2], args[3])
  return 'done'
end

-- Releases the import lease, if this token holds it.
--   keys   store, lease   args   marker, token
local function release_lease(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 'another store' end
  if redis.call('GET', keys[2]) ~= args[2] then return 'lease lost' end
  redis.call('DEL', keys[2])
  return 'done'
end

-- Begins an import in a shard: from then on it takes no rows of imports under earlier leases.
--   keys   store, the shard's number of the lease   args   marker, number of the lease
local function begin_import(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 'another store' end
  if tonumber(redis.call('GET', keys[2]) or 0) > tonumber(args[2]) then return 'lease lost' end
  redis.call('SET', keys[2], args[2])
  return 'done'
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

-- Every command that functions write with.
local WRITES = { 'DEL', 'HDEL', 'HSET', 'HSETNX', 'MSET', 'PEXPIRE', 'SET', 'XADD', 'ZADD' }

-- The first of these commands that the caller may not execute on a key; nothing if there is none.
--   keys   none   args   the key
local function forbidden(_, args)
  local key = args[1]
  for _, command in ipairs(WRITES) do
    if not redis.acl_check_cmd(command, key, key, key, key) then return command end
  end
end

redis.register_function('onestop_6_commit', commit)
redis.register_function('onestop_6_administer', administer)
redis.register_function('onestop_6_begin_closing', begin_closing)
redis.register_function('onestop_6_close', close)
redis.register_function('onestop_6_end_closing', end_closing)
redis.register_function('onestop_6_bind', bind)
redis.register_function('onestop_6_redirect', redirect)
redis.register_function('onestop_6_append', append)
redis.register_function('onestop_6_archive', archive)
redis.register_function('onestop_6_write', write)
redis.register_function('onestop_6_acquire_lease', acquire_lease)
redis.register_function('onestop_6_renew_lease', renew_lease)
redis.register_function('onestop_6_release_lease', release_lease)
redis.register_function('onestop_6_begin_import', begin_import)
-- They read, and raise two numbers of a shard at most: a Redis whose memory is full is still read.
redis.register_function{function_name = 'onestop_6_positions', callback = positions, flags = {'allow-oom'}}
redis.register_function{function_name = 'onestop_6_entries', callback = entries, flags = {'allow-oom'}}
redis.register_function{function_name = 'onestop_6_forbidden', callback = forbidden, flags = {'no-writes'}}
