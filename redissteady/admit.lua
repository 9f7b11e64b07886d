-- Admission: whether a request may go, and when. What it takes is taken here
-- and now, so that whoever comes next comes after it; waiting is left
-- to the caller. The answer is one of
--
--   go      in so many seconds; all is reserved
--   park    until a message comes, or for so many seconds; then ask again
--   refuse  it would take longer than the caller has
--
-- Of one who only peeks nothing is taken and nothing is kept; the answer's wait is
-- when it could go.

local class = ask.class or 1 -- of its priority, the lowest is 0
local cost, within, bound = ask.cost, ask.within or inf, ask.bound or inf

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
      b = { unit = l.unit, window = l.window, level = l.size, at = now, taken = 0, times = {}, before = {} }
      table.insert(s.buckets, b)
    end
    b.limit, b.size, b.rate = l.limit, l.size, l.limit / l.window
    b.level = min(b.level, b.size)
  end
end

-- believed reports whether requests are held back by a stated limit.
local function believed(b) return now >= (b.doubted or 0) end

local in_hole = {} -- the buckets and rates in which it takes what was left for its class

local ahead_of = {} -- by the buckets whose windows have room later than they have something

-- due_behind returns when a bucket has n, at t at the earliest, and whether that is
-- sure, behind all to whom it is promised.
local function due_behind(b, n, t)
  refill(b, t)
  local need = min(n, b.size) -- more than it holds goes out of a full one, into debt
  if n == 0 then return t, true end
  if class == 0 and b.seen and need + n <= b.size and leaves(b.somebody) then need = need + n end
  if b.times then
    local at = b.level + ROUND_OFF >= need and t or max(t, b.at) + (need - b.level) / b.rate
    local room = window_due(b, n, at)
    ahead_of[b] = room > at and room or nil
    return room, true
  end
  if b.level + ROUND_OFF >= need or not believed(b) then return t, true end
  local at = t -- not known: the server will say
  if b.rate > 0 then
    -- What a learned limit takes longer to bring back than servers may ask for,
    -- the server refuses itself.
    if b.seen and need / b.rate > b.longest then return t, true end
    at = max(t, b.at) + (need - b.level) / b.rate
  elseif b.reset and b.reset - t <= b.longest then
    at = b.reset
    if b.window > 0 then
      local windows = max(1, math.ceil((need - min(b.level, 0)) / b.size))
      at = b.reset + (windows - 1) * b.window
    end
  end
  -- While no refusal has confirmed it, one at a time goes although the figure says
  -- that nothing is left: nobody has seen yet whether that is true. What it says is
  -- not sure meanwhile, so that nobody is promised a time in the distance.
  if not b.empty or at - t <= MIN_TRY or now < (b.confirmed or 0) then return at, true end
  if not b.tried and now >= (b.promised or 0) then return t, true end
  return at, false
end

-- due is due_behind, or sooner if something was left for the request's class.
local function due(b, n, t)
  local at, sure = due_behind(b, n, t)
  in_hole[b] = nil
  if at > t and class < 2 then
    local sooner = hole(b, class, n)
    if sooner < at then
      in_hole[b], ahead_of[b] = true, nil
      return max(sooner, t), true
    end
  end
  return at, sure
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
  if g.probe then return max(t, g.probe + good_sign(g)), false, g.probe + good_sign(g) <= now end
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
    if i ~= limits_key and bit.band(host.masks or 0, 2 ^ mask) ~= 0 and peek(i) then table.insert(touched, i) end
  end
  for _, i in ipairs(ask.back or {}) do
    if states[i] then give(states[i], cost, ask.back_at) end
  end
end

-- route_works reports whether no failure is known of the request's own route: all
-- that it is under is its host and limits.
local function route_works()
  for _, i in ipairs(touched) do
    if i > 1 and (states[i].gate or states[i].row) then return false end
  end
  return true
end

-- ready returns when the request can go as far as rates and gates are
-- concerned, whether that is sure, why not now, when it cannot go sooner, and the
-- scope that holds it back. act says that what was inferred holds it back, too.
local function ready(act)
  local at, sure, because, least, by = now, true, nil, now, nil
  local function later(t, is_sure, reason, i)
    if t > at or (t == at and not is_sure) then at, sure, because, by = t, is_sure, reason, i end
  end
  local works = route_works()
  for _, i in ipairs(touched) do
    local s, from, g = states[i], now, states[i].gate
    s.probing = nil
    -- At the end of OutageWait a request goes out once, as without a gate.
    if g and act and not (works and g.routes) and (g.limited or not ask.past) then
      local t, probe, is_sure = gate(g)
      if t > now then later(t, is_sure, gate_why(g), i) end
      if g.limited then least = max(least, g.till) end
      s.probing = probe
      from = max(from, g.paced and t or now) -- behind a pause the limit's own spacing begins at its end
    end
    for _, b in ipairs(s.buckets) do
      if act or not b.seen then
        local t, is_sure = due(b, cost[b.unit], from)
        -- By a rate that the next answers will put right nobody is promised a time.
        if b.guess then t = min(t, max(from, now + GUESS_TIME)) end
        if t > now then later(t, is_sure and not b.guess, why(b), i) end
      end
    end
    if s.rate then
      local turn = class < 2 and rate_hole(s.rate, class) or inf
      in_hole[s.rate] = turn < s.rate.next and max(s.rate.next, from) > now
      turn = in_hole[s.rate] and turn or s.rate.next
      if act and not (ask.past and lets_nothing_in(s)) then later(max(turn, from), true, 'the adaptive rate limit', i) end
    end
    if s.ramp and act then later(max(s.ramp.next, from), true, 'the host has just recovered', i) end
  end
  local t = cold(states[1])
  if act and t > now then later(t, false, 'the host has not answered yet', 1) end
  return at, sure, because, least, by
end

local function take(at)
  answer.sent, answer.probes = {}, nil
  for n, i in ipairs(touched) do
    local s = states[i]
    for _, b in ipairs(s.buckets) do
      local c = cost[b.unit]
      if class > 0 then b.somebody = now end
      if c > 0 and b.empty and not b.tried and b.level < c and believed(b) then b.tried = at end
      if c > 0 then b.promised = at end
      if b.times and c > 0 then window_take(b, c, at, b.level + ROUND_OFF >= min(c, b.size)) end
      if in_hole[b] then fill_hole(b, class, c) else b.level = b.level - c end
      for lower = 0, class - 1 do
        if c > 0 and b.rate > 0 and now < (s['waits' .. lower] or 0) then leave_hole(b, lower, c * OWED_OF, at) end
      end
      -- A burst is for after a pause: those who wait for the window go evenly.
      if ahead_of[b] then b.level = min(b.level, (now - ahead_of[b]) * b.rate) end
    end
    for u, c in ipairs(cost) do s.sent[u] = s.sent[u] + c end
    count(s)
    if s.rate and in_hole[s.rate] then
      table.remove(s.rate.holes[class + 1], 1)
    elseif s.rate then
      on_time(s.rate, at, rate_at)
      for lower = 0, class - 1 do
        if now < (s['waits' .. lower] or 0) then owe(s.rate, lower) end
      end
    end
    if s.ramp then arrive(s.ramp); on_time(s.ramp, at, ramp_at) end
    local g = s.gate
    if g and s.probing then
      g.probe, answer.probes = at, answer.probes or {}
      table.insert(answer.probes, i)
    elseif g and g.probe and g.probe + good_sign(g) <= now then
      open(i) -- its probe is without an answer for long: a scope that fails answers fast
    end
    answer.sent[n] = s.sent
  end
  local host = states[1]
  if not host.known then host.cold = host.cold or now end
end

-- describe adds what there is to know of each scope, for Snapshot, and for when
-- Redis is away.
local function describe()
  answer.scopes, answer.known = {}, states[1].known
  for n, i in ipairs(touched) do
    local s = states[i]
    local o = { key = i }
    if s.buckets[1] then o.buckets = {} end
    for m, b in ipairs(s.buckets) do
      o.buckets[m] = { b.unit, b.limit, b.window, b.level, b.rate, b.size, b.seen and 1 or 0 }
    end
    if s.rate then o.rate = rate_at(s.rate, now) elseif s.ramp then o.rate = ramp_at(s.ramp, now) end
    if s.gate then
      o.gate, o.left = s.gate.failing and GATE_FAILING or GATE_ASKED, s.gate.till - now
      o.row, o.age = s.gate.row, now - s.gate.shut
    end
    answer.scopes[n] = o
    local news = s.gate or s.row or s.rate or s.bad
    for _, b in ipairs(s.buckets) do
      news = news or b.empty
      if b.seen and not believed(b) then o.doubted = true end
    end
    o.well = not news
  end
  answer.processes = redis.call('ZCARD', KEYS[ask.alive])
end

local function decide()
  answer.now = string.format('%.6f', now)
  local act = ask.inference ~= OFF
  local at, sure, because, least, by = ready(act)
  if ask.inference == OBSERVE and at > now then
    local all = because
    answer.would = by
    at, sure, because, least, by = ready(false)
    answer.spared = all
  end
  answer.why = because
  -- A lower class is promised only what is near, for higher ones to come before it; or
  -- what it could not get any more when it asks again, if all until then were theirs.
  local host = states[1]
  if class == 2 then host.urgent = now end
  local near = class == 0 or class == 1 and leaves(host.urgent)
  local g = by and at > now and states[by].gate
  if g then
    answer.gate = { key = by, failing = g.failing or false, limited = g.limited or false, left = g.till - now, age = now - g.shut }
  end
  local refusing = not g and by and at > now and lets_nothing_in(states[by])
  if refusing then
    g = { limited = false }
    answer.gate = { key = by, failing = true, limited = false, left = 0, age = now - refusing }
  end
  -- At a gate that is no limit's it waits until the end of OutageWait, and goes then.
  local late = (sure and at or least) - now > within and not (g and not g.limited)
  -- MaxWait bounds every wait; where there is none at all, that for an outcome too.
  local too_long = at - now > bound and (sure or bound == 0)
  if late or too_long or (ask.full and at > now) then
    answer.verdict, answer.wait = 'refuse', at - now
    return
  elseif not sure then
    answer.verdict, answer.wait = 'park', max(at - now, MIN_PARK)
    return
  elseif near and at - now > PROMISE_AHEAD and 2 * (at - now) - PROMISE_AHEAD < within then
    answer.verdict, answer.wait, answer.near = 'park', max(at - now - PROMISE_AHEAD, MIN_PARK), true
    for _, i in ipairs(touched) do states[i]['waits' .. class] = now + answer.wait + WAITS_TIME end
    return
  end
  if near and at > now then
    for _, i in ipairs(touched) do states[i]['waits' .. class] = now + WAITS_TIME end
  end
  local leases, line, turns = KEYS[ask.leases or 0], KEYS[ask.line or 0], KEYS[(ask.line or -1) + 1]
  local me = ask.process .. '/' .. ask.id
  if leases and not (ask.granted and redis.call('ZSCORE', leases, me)) then
    local of = turns_of(turns)
    local score, head = line_turn(line, of, class)
    local most = ask.most
    local news = class > 0 and math.abs(now - of.somebody) > SOMEBODY_EVERY
    if news then of.somebody = now end
    if class == 0 and most > 1 and leaves(of.somebody) then most = most - 1 end
    local waits = leases_now(leases) >= most or head and head < score
    if (waits or head) and not redis.call('ZSCORE', line, me) then of[class + 1] = score end
    if waits or head or news then keep_turns(turns, of) end
    if waits then
      answer.why = 'the limit of concurrent requests'
      answer.verdict = (ask.full or bound == 0) and 'refuse' or 'park'
      if answer.verdict == 'park' then
        redis.call('ZADD', line, 'NX', string.format('%.9f', score), me) -- who asks again keeps its place
        redis.call('PEXPIRE', line, KEEP * 1000)
        answer.lined = true
        grant(leases, line, turns, ask.most) -- there may be a place after all, if those in the line have died
      end
      return
    end
  end
  if leases then lease(leases, me) end
  answer.at = string.format('%.6f', at)
  take(tonumber(answer.at))
  answer.verdict, answer.wait = 'go', at - now
end

-- peek answers when the request could go: behind those who stand in the line for a
-- place, each has to wait for that of one before it.
local function peek_at()
  local act = ask.inference ~= OFF
  local at, _, because = ready(act)
  if ask.inference == OBSERVE and at > now then at, _, because = ready(false) end
  answer.verdict, answer.wait, answer.why = 'go', at - now, because
  local leases, line, turns = KEYS[ask.leases or 0], KEYS[ask.line or 0], KEYS[(ask.line or -1) + 1]
  if not leases then return end
  local of = turns_of(turns)
  local free, score, head = ask.most - leases_now(leases), line_turn(line, of, class)
  if class == 0 and ask.most > 1 and leaves(of.somebody) then free = free - 1 end
  if free > 0 and not (head and head < score) then return end
  answer.ahead = max(redis.call('ZCARD', line) - free + 1, 1)
  if class > 0 then
    local others = redis.call('ZRANGE', line, 0, MAX_LOOK, 'WITHSCORES')
    for n = 2, #others, 2 do
      if tonumber(others[n]) > score then
        answer.ahead = max(n / 2 - free, 1)
        break
      end
    end
  end
end

if ask.peek then
  enter()
  peek_at()
  return cjson.encode(answer)
end

alive_now()
enter()
decide()
describe()
for _, i in ipairs(touched) do states[i].probing = nil end
save()
return cjson.encode(answer)
