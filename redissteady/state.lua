-- What is kept of one scope (a host; a host and a credential; and a model, and
-- so on), and how it moves on with time. Each script begins with this part.
--
-- KEYS hold the scopes' states, the first the host's own. ARGV[1] is the
-- question, in JSON. Times are seconds on Redis's clock, of which all processes
-- have the same.
--
-- Before it come the constants, which are named in capitals: see constants.go.

local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
local ask = cjson.decode(ARGV[1])
local min, max, floor, inf = math.min, math.max, math.floor, math.huge

-- A request is counted under each of UNITS, in their order.
local REQUESTS = 1
local function unit(name)
  for u, n in ipairs(UNITS) do
    if n == name then return u end
  end
end

-- A clock that was set back must not make anybody wait for it to catch up: what
-- lay ahead lies as far ahead as before.
local function shift(s, by)
  local function move(o, ...)
    for _, field in ipairs({ ... }) do
      if o and o[field] then o[field] = o[field] + by end
    end
  end
  for _, b in ipairs(s.buckets) do move(b, 'at', 'seen', 'reset') end
  for _, b in ipairs(s.buckets) do move(b, 'empty', 'counted', 'tried', 'doubted', 'confirmed', 'promised', 'somebody') end
  move(s.gate, 'shut', 'since', 'till', 'probe')
  move(s.rate, 'from', 'next')
  move(s.ramp, 'from', 'next')
  move(s.ramp and s.ramp.came, 'second', 'began')
  move(s.row, 'began', 'latest')
  for _, b in ipairs(s.buckets) do
    for n, t in ipairs(b.times or {}) do b.times[n] = t + by end
  end
  for _, b in ipairs(s.buckets) do
    for _, holes in pairs(b.holes or {}) do
      for _, h in ipairs(holes) do h[1], h[3] = h[1] + by, h[3] + by end
    end
  end
  for _, holes in pairs(s.rate and s.rate.holes or {}) do
    for i in ipairs(holes) do holes[i] = holes[i] + by end
  end
  move(s, 'second', 'cold', 'contradicted', 'began', 'refusing', 'urgent', 'waits0', 'waits1')
  move(s.good, 'second')
  move(s.bad, 'second')
end

-- The rate that is kept to where no limit was stated, as of t: see rate.go of
-- steadyhttp's internal/limiter, whose curves these are.
local function rate_at(r, t)
  local age = max(t - r.from, 0)
  if r.double then
    return r.base * 2 ^ min(max(age - r.flat, 0) / r.double, MAX_DOUBLINGS)
  end
  local x = (age - CUBE_TIME) / CUBE_TIME
  return max(MIN_RATE, r.base * (1 + (1 - CUT_TO) * x * x * x))
end

-- A meter counts by the second; the busier of two tells how many a second there
-- were.
local function count(m)
  local age = now - (m.second or -inf)
  if age >= 2 then
    m.second, m.before, m.current, m.began = now, 0, 0, now
  elseif age >= 1 then
    m.second, m.before, m.current = m.second + 1, m.current, 0
  end
  m.current = m.current + 1
end
local function uncount(m)
  if (m.current or 0) > 0 then m.current = m.current - 1
  elseif (m.before or 0) > 0 then m.before = m.before - 1 end
end
local function busy(m) return max(m.current or 0, m.before or 0) end
local function of_late(m) return (m.current or 0) + (m.before or 0) end -- in two seconds

-- A ramp is the pace at which those leave who waited at a gate: see ramp.go there.
local function ramp_at(r, t)
  local age, fresh = t - r.from, 0
  local grown = min(2 ^ (max(age - RAMP_FLAT, 0) / RAMP_DOUBLE), RAMP_MOST)
  if age > RAMP_TIME then grown = grown * 2 ^ min((age - RAMP_TIME) / RAMP_DOUBLE, MAX_DOUBLINGS) end
  if r.came and now - r.came.second < 2 then fresh = busy(r.came) end
  return max(max(RAMP_START * r.load, MIN_RAMP) * grown, FRESH_SHARE * fresh)
end
local function arrive(r)
  if now - r.from < RAMP_FLAT then return end
  r.came = r.came or {}
  count(r.came)
end

-- on_time counts a request that goes at t, of those that go at a pace. It may lag
-- behind its turn by a little: what timers are late is not lost.
local function on_time(r, t, pace)
  t = max(r.next, t - SLACK)
  r.next = t + 1 / pace(r, t)
end

-- refill brings a bucket's level up to t. A level below nothing is promised
-- already to requests that wait for it to come back.
local function refill(b, t)
  if b.reset and t >= b.reset then
    b.empty = nil
    if b.window > 0 then
      local times = floor((t - b.reset) / b.window) + 1
      b.level = min(b.size, min(b.level, 0) + times * b.size)
      b.reset = b.reset + times * b.window
    else
      b.level, b.reset = b.size, nil
    end
  end
  if t <= b.at then return end -- it is counted from the end of a pause
  b.level = min(b.size, b.level + (t - b.at) * b.rate)
  b.at = t
end

-- A limit that the user set holds in any window of its length. What waits for its
-- bucket goes evenly and so is never too much; only what goes at once can be, with
-- what comes after it. So of each part of the window in which something went at
-- once, times has when the last of it did, and before how much had gone by then:
-- what has gone since then and would come on top must not be more than the limit.
local function part_of(b, t) return floor(t * PARTS / b.window) end
local function window_due(b, n, t)
  local most = b.limit + ROUND_OFF - min(n, b.limit)
  for k = #b.times, 1, -1 do
    if b.taken - b.before[k] > most then return max(t, b.times[k] + b.window) end
  end
  return t
end
local function window_take(b, n, at, at_once)
  local k = #b.times
  if at_once and k > 0 and part_of(b, at) <= part_of(b, b.times[k]) then
    b.times[k] = max(b.times[k], at)
  elseif at_once then
    b.times[k + 1], b.before[k + 1] = at, b.taken
  end
  b.taken = b.taken + n
end
local function window_give(b, n, at)
  b.taken = b.taken - n
  for k = #b.times, 1, -1 do
    if part_of(b, b.times[k]) <= part_of(b, at) then return end
    b.before[k] = b.before[k] - n
  end
end

-- A turn is reserved when a request asks for it, so that whoever comes later comes
-- after it. For a lower class to let others pass, it is promised only what is near
-- (PROMISE_AHEAD), and asks again for the rest. For it to get its share all the same,
-- whatever of a higher class is promised while it waits leaves a hole behind: a
-- twentieth of what both take, at that time. A hole that nobody took is given back.
local function refill_holes(b)
  for _, holes in pairs(b.holes or {}) do
    while holes[1] and holes[1][1] < now - HOLE_TIME do
      b.level = min(b.size, b.level + holes[1][2])
      table.remove(holes, 1)
    end
  end
end
local function leave_hole(b, class, n, at)
  local holes = b.holes or { {}, {} }
  b.holes = holes
  local list = holes[class + 1]
  local last = list[#list]
  if last and (at - last[3] < PROMISE_AHEAD or #list >= MAX_HOLES) then
    last[1], last[2] = max(at, last[1]), last[2] + n
  else
    table.insert(list, { at, n, at }) -- its end, how much it is, its beginning
  end
  b.level = b.level - n
end

-- hole returns when there is room for n in those that were left for the class; inf if
-- there is not.
local function hole(b, class, n)
  local sum = 0
  for _, h in ipairs(b.holes and b.holes[class + 1] or {}) do
    sum = sum + h[2]
    if sum + ROUND_OFF >= n then return max(h[1], now) end
  end
  return inf
end
local function fill_hole(b, class, n)
  local list = b.holes[class + 1]
  while list[1] and n > ROUND_OFF do
    local part = min(n, list[1][2])
    n, list[1][2] = n - part, list[1][2] - part
    if list[1][2] <= ROUND_OFF then table.remove(list, 1) end
  end
end

-- owe is leave_hole for a rate: once a whole request is owed to the class, the next turn
-- is left for it. rate_hole returns when the first such turn is, inf if there is none.
local function owe(r, class)
  r.owed, r.holes = r.owed or { 0, 0 }, r.holes or { {}, {} }
  r.owed[class + 1] = r.owed[class + 1] + OWED_OF
  local list = r.holes[class + 1]
  if r.owed[class + 1] < 1 or #list >= MAX_HOLES then return end
  r.owed[class + 1] = r.owed[class + 1] - 1
  table.insert(list, r.next)
  r.next = r.next + 1 / rate_at(r, r.next)
end
local function rate_hole(r, class)
  local list = r.holes and r.holes[class + 1] or {}
  while list[1] and list[1] < now - HOLE_TIME do table.remove(list, 1) end
  return list[1] or inf
end

-- lets_nothing_in returns since when a limit that nobody states has refused all
-- requests of s, if that is more than a moment.
local function lets_nothing_in(s)
  return s.rate and s.refusing and now - s.refusing > MIN_BLOCK and s.refusing
end

-- holds reports whether there is anything in s that holds a request back or counts
-- towards that.
local function holds(s)
  return s.buckets[1] or s.gate or s.row or s.rate or s.ramp or s.bad or s.contradicted
end

-- load returns the state of KEYS[i] as it is now; peek returns nil if there is none.
local states, empty = {}, {}
local function peek(i)
  local s = states[i]
  if s then return s end
  local raw = redis.call('GET', KEYS[i])
  local ok
  if raw then ok, s = pcall(cmsgpack.unpack, raw) end
  if not ok or type(s) ~= 'table' or not s.buckets then return end
  empty[i] = not holds(s)
  if s.at > now then shift(s, now - s.at) end
  s.at = now
  for n = #s.buckets, 1, -1 do
    local b = s.buckets[n]
    refill_holes(b)
    local stale = b.seen and now - b.seen > max(b.window, STATED_TIME) -- not confirmed for long
    if stale and now >= (b.doubted or 0) then table.remove(s.buckets, n) end
    while b.times and b.times[1] and b.times[1] + b.window <= now do
      table.remove(b.times, 1)
      table.remove(b.before, 1)
    end
  end
  if s.rate and now - s.rate.from > RATE_TIME then s.rate = nil end
  if s.bad and now - s.bad.second > RATE_TIME then s.bad = nil end
  if s.contradicted and now >= s.contradicted then s.contradicted = nil end
  if s.row and now - s.row.latest > ROW_TIME then s.row = nil end
  local r = s.ramp
  if r and now - r.from > RAMP_TIME and now - r.next > SLACK then s.ramp = nil end -- all who waited are gone
  local g = s.gate
  if g and not g.failing and now >= g.till and (g.paced or now - (g.probe or g.till) > RATE_TIME) then s.gate = nil end
  states[i] = s
  return s
end
local function load(i)
  local s = peek(i)
  if not s then
    s = { buckets = {}, sent = { 0, 0, 0, 0 }, at = now }
    states[i], empty[i] = s, true
  end
  return s
end

-- save writes all states back. A state lives until nothing in it matters any
-- more: until what was taken is there again. One in which nothing is is left alone
-- until it expires.
local function save()
  local keep = KEEP
  for i, s in pairs(states) do
    local live = KEEP
    for _, b in ipairs(s.buckets) do
      live = max(live, b.seen and b.window or 0)
      if b.rate > 0 then live = max(live, (b.size - b.level) / b.rate + 1) end
      if b.reset then live = max(live, b.reset - now + 1) end
      if b.times and b.times[1] then live = max(live, b.times[#b.times] + b.window - now + 1) end
      if b.doubted then live = max(live, b.doubted - now + 1) end
    end
    if s.gate then live = max(live, s.gate.till - now + KEEP) end
    keep = max(keep, live)
    if i > 1 and not (empty[i] and not holds(s)) then redis.call('SET', KEYS[i], cmsgpack.pack(s), 'PX', floor(live * 1000)) end
  end
  -- The host's knows which scopes there are, and so lives as long as they do.
  local host = states[1]
  if host then
    host.keep = max(host.keep or 0, now + keep)
    host.keep = min(host.keep, now + MAX_KEEP)
    redis.call('SET', KEYS[1], cmsgpack.pack(host), 'PX', floor((host.keep - now) * 1000))
  end
end

-- give_to puts back n that a request took which went at that time.
local function give_to(b, n, at)
  b.level = min(b.size, b.level + n)
  if b.times then window_give(b, n, at) end
end

-- give puts back what a request took that is not sent.
local function give(s, cost, at)
  for _, b in ipairs(s.buckets) do give_to(b, cost[b.unit], at) end
  for u, n in ipairs(cost) do s.sent[u] = s.sent[u] - n end
  local r = s.rate
  if r and r.next > now then r.next = r.next - 1 / rate_at(r, r.next) end
  r = s.ramp
  if r and r.next > now then r.next = r.next - 1 / ramp_at(r, r.next) end
  uncount(s)
end

-- Messages to all processes. Those who wait under KEYS[i] without a time of their
-- own shall ask again; all shall, as nobody may go any more; one of each process
-- shall in a while; or those to whom a time was promised until now shall wait for
-- so many times what they still had to, and for so much longer.
local function say(...) redis.call('PUBLISH', ask.channel, table.concat({ ... }, ' ')) end
local function again(i) say('again', KEYS[i]) end
local function stop(i) say('stop', KEYS[i]) end
local function one_in(i, seconds) say('one', KEYS[i], string.format('%.6f', seconds)) end
local function put_off(i, times, seconds) say('later', KEYS[i], string.format('%.6f %.6f %.6f', times, seconds, now)) end

-- A gate holds back who would send under a scope: see gate.go there. One that was
-- asked for is shut until the moment that a server named; one of a failing scope
-- lets probes through. A gate is paced if a rate is known by which all go on after
-- a pause: then nobody has to probe.

-- good_sign is how long a probe must be without an answer to be taken for answered
-- well.
local function good_sign(g) return max(GOOD_SIGN_TIMES * (g.took or 0), MIN_GOOD_SIGN) end

-- load_of is the requests a second that KEYS[i] had of late.
local function load_of(i)
  local m, ramp = states[1], states[i].ramp
  local load, span = busy(m), max(now - (m.began or 0), MIN_SPAN)
  if span < 1 and load > 1 then load = max(load, (load - 1) / span) end
  return max(load, ramp and ramp.load or 0)
end

-- open opens the gate of KEYS[i]. What was promised for after a pause is due
-- sooner then.
local function open(i)
  local s = states[i]
  local g = s.gate
  s.gate = nil
  if not g.paced then
    s.ramp = { load = g.load or 0, from = now, next = now }
    if g.till > now then stop(i) else again(i) end -- one was promised its end
  elseif g.till > now then
    local early = g.till - now
    for _, b in ipairs(s.buckets) do b.at = min(b.at, now) end
    if s.rate then s.rate.next = max(s.rate.next - early, now) end
    put_off(i, 1, -early)
  end
end

-- Places among the concurrent requests are leases: members of a sorted set, by
-- when they end if their holder does not renew them. Those who wait for one
-- stand in another, by when they came. A member is process/permit; a process is
-- alive while it shows itself. After Redis was away for it, a process goes by
-- another name, such as name.1 after name: what was asked under the former one is
-- nobody's by then.

local function alive_now()
  redis.call('ZADD', KEYS[ask.alive], now, ask.process)
  redis.call('ZREMRANGEBYSCORE', KEYS[ask.alive], '-inf', now - LEASE)
  redis.call('ZREMRANGEBYSCORE', KEYS[ask.alive], now + LEASE, '+inf') -- of a clock that was set back
  redis.call('PEXPIRE', KEYS[ask.alive], KEEP * 1000)
end

local function leases_now(leases)
  redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
  redis.call('ZREMRANGEBYSCORE', leases, now + 2 * LEASE, '+inf')
  return redis.call('ZCARD', leases)
end

local function lease(leases, member)
  redis.call('ZADD', leases, now + LEASE, member)
  redis.call('PEXPIRE', leases, KEEP * 1000)
end

-- The line is in the order of scores. Each request comes a step after the one of its
-- class before it, and not before who is being served; the steps of a class are as long
-- as nineteen of the next higher one, so that it lets so many pass. Scores of the lowest
-- class are whole numbers, and no others: it leaves one place over. Under turns is
-- kept where each class is, and when somebody of a higher one was there.
local steps = { 1, OWED_OF, OWED_OF * OWED_OF }
local function whole(score) return score == floor(score) end
local function turns_of(turns)
  local raw = redis.call('GET', turns)
  local ok, of
  if raw then ok, of = pcall(cmsgpack.unpack, raw) end
  return ok and of or { 0, 0, 0, somebody = -KEEP }
end
local function keep_turns(turns, of) redis.call('SET', turns, cmsgpack.pack(of), 'PX', KEEP * 1000) end
local function line_turn(line, of, class)
  local head = tonumber(redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')[2])
  local served = max(of[1], of[2], of[3])
  if head then served = head - (whole(head) and steps[1] or steps[2]) end
  local score = max(of[class + 1], served) + steps[class + 1]
  if class == 0 then score = floor(score)
  elseif whole(score) then score = score + steps[3] / 2 end
  return score, head
end

-- leaves reports whether a batch leaves something over, as somebody of a higher class
-- was there.
local function leaves(somebody) return math.abs(now - (somebody or -inf)) < LEAVE_TIME end

-- grant gives what places are free to the next in line, and lets them know.
local function grant(leases, line, turns, most)
  local free = most - leases_now(leases)
  while free > 0 do
    if free == 1 and most > 1 then
      local first = redis.call('ZRANGE', line, 0, 1, 'WITHSCORES')
      local head, second = tonumber(first[2]), tonumber(first[4])
      local batch = head and whole(head) and not (second and not whole(second))
      if batch and leaves(turns_of(turns).somebody) then return end
    end
    local member = redis.call('ZPOPMIN', line)[1]
    if not member then return end
    local process, id = string.match(member, '^(.-)/(.*)$')
    if redis.call('ZSCORE', KEYS[ask.alive], process) then
      lease(leases, member)
      redis.call('PUBLISH', ask.channel .. ':' .. string.match(process, '^[^.]*'), 'granted ' .. id)
      free = free - 1
    end
  end
end
