-- A sign of life of a process: its leases go on, and those of its requests that
-- stand in the line learn what became of them, should the message have been lost.
-- After Redis was away it brings what the process knew of limits, too.

alive_now()
for _, process in ipairs(ask.former or {}) do redis.call('ZREM', KEYS[ask.alive], process) end

-- give_up frees the places that are held under a former name: who holds them now
-- is said under the present one, and who waited for them has gone on alone.
local function give_up(leases)
  if not ask.former then return end
  local former = {}
  for _, process in ipairs(ask.former) do former[process] = true end
  for _, member in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
    if former[string.match(member, '^(.-)/')] then redis.call('ZREM', leases, member) end
  end
end

-- What was sent while Redis was away it does not know, so that nothing is left:
-- the limits begin anew from an empty bucket.
for _, scope in ipairs(ask.scopes) do
  local s = load(scope.key)
  local host = load(1)
  host.known = true
  host.masks = bit.bor(host.masks or 0, 2 ^ scope.mask)
  for _, b in ipairs(scope.buckets or {}) do
    local u, limit, window, rate, size, is_learned = b[1], b[2], b[3], b[5], b[6], b[7] == 1
    local old
    for _, o in ipairs(s.buckets) do
      local alike = o.window == window or (is_learned and (o.window == 0 or window == 0))
      if o.unit == u and alike and (o.seen ~= nil) == is_learned then old = o end
    end
    if not old and rate > 0 then
      old = { unit = u, limit = limit, window = window, rate = rate, size = size, level = 0, at = now }
      if is_learned then old.seen, old.longest = now, BROUGHT_MAX_WAIT
      else old.taken, old.times, old.before = 0, {}, {} end
      table.insert(s.buckets, old)
    end
    if old then old.level, old.at = min(old.level, 0), now end
  end
end
if ask.scopes[1] then save() end

local answer = {}
for n, group in ipairs(ask.groups) do
  local leases, line, turns = KEYS[group.leases], KEYS[group.leases + 1], KEYS[group.leases + 2]
  give_up(leases)
  for _, id in ipairs(group.held) do lease(leases, ask.process .. '/' .. id) end
  grant(leases, line, turns, group.most)
  for _, id in ipairs(group.lined) do
    local member = ask.process .. '/' .. id
    if redis.call('ZSCORE', leases, member) then
      lease(leases, member)
      answer[id] = 'granted'
    elseif not redis.call('ZSCORE', line, member) then
      answer[id] = 'lost'
    end
  end
  redis.call('PEXPIRE', line, KEEP * 1000)
end
return cjson.encode(answer)
