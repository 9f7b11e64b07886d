-- Admission: whether a request may go, and when. What it takes is taken here
-- and now, so that whoever comes next comes after it; waiting is left
-- to the caller. The answer is one of
--
--   go      in so many seconds; all is reserved
--   park    until a message comes, or for so many seconds; then ask again
--   refuse  it would take longer than the caller has

local cost, within = ask.cost, ask.within or inf

-- The user's limits are those of the latest who asks.
local function set(s, limits)
  local function same(b, l) return not b.seen and b.unit == l.unit and b.window == l.window end
  for n = #s.buckets, 1, -1 do
    local b, known = s.buckets[n], false
    for _, l in ipairs(limits) do known = known or same(b, l) end
    if not b.seen and not known then table.remove(s.buckets, n) end
  end
  for _, l in ipairs(limits) do
    local b
    for _, old in ipairs(s.buckets) do
      if same(old, l) then b = old end
    end
    if not b then
      b = { unit = l.unit, window = l.window, level = l.size, at = now }
      table.insert(s.buckets, b)
    end
    b.limit, b.size, b.rate = l.limit, l.size, l.limit / l.window
    b.level = min(b.level, b.size)
  end
end

-- due returns when a bucket has n, at t at the earliest.
local function due(b, n, t)
  refill(b, t)
  local need = min(n, b.size) -- more than it holds goes out of a full one, into debt
  if n == 0 or b.level + ROUND_OFF >= need then return t end
  if b.rate > 0 then
    -- What a learned limit takes longer to bring back than servers may ask for,
    -- the server refuses itself.
    if b.seen and need / b.rate > b.longest then return t end
    return max(t, b.at) + (need - b.level) / b.rate
  end
  if b.reset and b.reset - t <= b.longest then
    if b.window <= 0 then return b.reset end
    local windows = max(1, math.ceil((need - min(b.level, 0)) / b.size))
    return b.reset + (windows - 1) * b.window
  end
  return t -- not known: the server will say
end

local function why(b)
  local of = ({ 'requests', 'tokens', 'input tokens', 'output tokens' })[b.unit]
  local per = ({ [1] = ' per second', [60] = ' per minute', [86400] = ' per day' })[b.window] or ''
  return (b.seen and "the server's limit of " or 'the limit of ') .. of .. per
end

-- gate returns when a request passes a gate, whether it is the one that tries,
-- and whether it is sure: else it depends on the one that tries already.
local function gate(g)
  local t = max(g.till, now)
  if g.paced then return t, false, true end
  if g.probe then
    local after = g.probe + (g.failing and FAILING_PROBE_TIME or PROBE_TIME)
    if after > t then return after, false, false end
  end
  return t, true, not (g.failing and t > now)
end

local function gate_why(g)
  return g.failing and 'the host is failing' or 'the server asked for a pause'
end

-- A host that has not answered yet is sent a few at once, and twice as many after
-- each COLD_DOUBLE: if it states a limit, its first answer does.
local function cold(host)
  if not host.cold or host.known then return now end
  local allowed, t = COLD_BURST, host.cold
  while host.sent[REQUESTS] >= allowed do allowed, t = allowed * 2, t + COLD_DOUBLE end
  return max(t, now)
end

-- rate_take counts a request that goes at t. It may lag behind the rate by a
-- little and catch up: what timers are late is not lost.
local function rate_take(r, t)
  t = max(r.next, t - RATE_SLACK)
  r.next = t + 1 / rate_at(r, t)
end

local touched = { 1 } -- the scopes that there are of those that the request is under
local answer = {}

local function enter()
  local host = load(1)
  local limits_key = ask.limits_key
  if limits_key then
    set(load(limits_key), ask.limits)
    host.known = host.known or #ask.limits > 0 -- nobody has to feel the way
    if limits_key > 1 then table.insert(touched, limits_key) end
  end
  for _, scope in ipairs(ask.scopes) do
    local i, mask = scope[1], scope[2]
    if i ~= limits_key and bit.band(host.masks or 0, 2 ^ mask) ~= 0 then
      load(i)
      table.insert(touched, i)
    end
  end
  if ask.back then
    for _, i in ipairs(ask.back) do
      if states[i] then give(states[i], cost) end
    end
  end
end

-- ready returns when the request can go as far as rates and gates are
-- concerned, whether that is sure, why not now, and when it cannot go sooner.
local function ready()
  local at, sure, because, least = now, true, nil, now
  local function later(t, is_sure, reason)
    if t > at or (t == at and not is_sure) then at, sure, because = t, is_sure, reason end
  end
  for _, i in ipairs(touched) do
    local s, from = states[i], now
    if s.gate then
      local t, probe, is_sure = gate(s.gate)
      if t > now then later(t, is_sure, gate_why(s.gate)) end
      if not s.gate.failing then least = max(least, s.gate.till) end
      s.probing = probe
      from = max(from, s.gate.paced and t or now) -- behind a pause the limit's own spacing begins at its end
    end
    for _, b in ipairs(s.buckets) do
      local t = due(b, cost[b.unit], from)
      -- By a rate that the next answers will put right nobody is promised a time.
      if b.guess then t = min(t, max(from, now + GUESS_TIME)) end
      if t > now then later(t, not b.guess, why(b)) end
    end
    if s.rate then later(max(s.rate.next, from), true, 'the adaptive rate limit') end
  end
  local t = cold(states[1])
  if t > now then later(t, false, 'the host has not answered yet') end
  return at, sure, because, least
end

local function take(at)
  answer.sent = {}
  for n, i in ipairs(touched) do
    local s = states[i]
    for _, b in ipairs(s.buckets) do b.level = b.level - cost[b.unit] end
    for u, c in ipairs(cost) do s.sent[u] = s.sent[u] + c end
    count(s)
    if s.rate then rate_take(s.rate, at) end
    if s.probing then s.gate.probe, answer.probe = at, true end
    answer.sent[n] = s.sent
  end
  local host = states[1]
  if not host.known then host.cold = host.cold or now end
end

-- describe adds what there is to know of each scope, for Snapshot, and for when
-- Redis is away.
local function describe()
  answer.scopes = {}
  for n, i in ipairs(touched) do
    local s = states[i]
    local o = { key = i }
    if s.buckets[1] then o.buckets = {} end
    for m, b in ipairs(s.buckets) do
      o.buckets[m] = { b.unit, b.limit, b.window, b.level, b.rate, b.size, b.seen and 1 or 0 }
    end
    if s.rate then o.rate = rate_at(s.rate, now) end
    if s.gate then o.gate, o.left = s.gate.failing and GATE_FAILING or GATE_ASKED, s.gate.till - now end
    answer.scopes[n] = o
  end
  local host = states[1]
  answer.well = host.known and not host.gate and (host.failures or 0) == 0
  for _, o in ipairs(answer.scopes) do answer.well = answer.well and not o.rate end
  answer.processes = redis.call('ZCARD', KEYS[ask.alive])
end

local function decide()
  answer.now = string.format('%.6f', now)
  local at, sure, because, least = ready()
  answer.why = because
  if (sure and at or least) - now > within or (not sure and within <= 0) then
    answer.verdict, answer.wait = 'refuse', at - now
    return
  elseif not sure then
    answer.verdict, answer.wait = 'park', max(at - now, MIN_PARK)
    return
  end
  local leases, line = KEYS[ask.leases or 0], KEYS[ask.line or 0]
  local me = ask.process .. '/' .. ask.id
  if leases and not (ask.granted and redis.call('ZSCORE', leases, me)) then
    if leases_now(leases) >= ask.most or redis.call('ZCARD', line) > 0 then
      answer.why = 'the limit of concurrent requests'
      answer.verdict = within <= 0 and 'refuse' or 'park'
      if answer.verdict == 'park' then
        local host = states[1]
        host.came = (host.came or 0) + 1
        redis.call('ZADD', line, 'NX', host.came, me) -- who asks again keeps its place
        redis.call('PEXPIRE', line, KEEP * 1000)
        answer.lined = true
        grant(leases, line, ask.most) -- there may be a place after all, if those in the line have died
      end
      return
    end
  end
  if leases then lease(leases, me) end
  take(at)
  answer.verdict, answer.wait, answer.at = 'go', at - now, string.format('%.6f', at)
end

alive_now()
enter()
decide()
describe()
for _, i in ipairs(touched) do states[i].probing = nil end
save()
return cjson.encode(answer)
