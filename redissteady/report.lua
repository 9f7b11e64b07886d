-- What became of requests, in the order in which it became known: permits that
-- end, what answers said of limits, and permits that are given back unused.

local function new_rate(base, from, flat, double)
  return { base = max(base, MIN_RATE), from = from, flat = flat, double = double, next = now }
end

-- stated_rate is that of a stated limit of requests, nil if none is known.
local function stated_rate(s)
  for _, b in ipairs(s.buckets) do
    if b.seen and b.unit == REQUESTS then
      if b.rate > 0 then return b.rate end
      if b.window > 0 then return b.limit / b.window end
    end
  end
end

-- works: a response shows that the host works. One that is back gets a little
-- more than its load before, and after a while more and more.
local function works(i, at, probe)
  local s = states[i]
  local g = s.gate
  if i == 1 then s.failures = 0 end
  if not g then return end
  if g.failing and (probe or at >= g.since) then
    s.gate, s.rate = nil, new_rate(BACK_RATE * max(g.before, START_RATE), now, BACK_FLAT, BACK_DOUBLE)
    s.rate.back = true
    again(i)
  elseif not g.failing and probe and now >= g.till then
    s.gate = nil
    again(i)
  end
end

-- asked makes everybody wait under KEYS[i], as a server wants it. Where a rate
-- is known, what was promised is put off by that time, and all go on in their
-- order; else one goes first, and on its outcome it depends when the others may.
local function asked(i, hold)
  local s, till = load(i), now + hold
  local g = s.gate
  if g and till <= g.till then
    g.probe = nil
    return
  end
  local paced = s.rate ~= nil
  for _, b in ipairs(s.buckets) do paced = paced or (b.seen and b.rate > 0) end
  if g and g.failing or not paced then
    if g then g.till, g.probe = till, nil
    else s.gate = { since = now, till = till } end
    stop(i)
    return
  end
  local from = g and g.till or now
  s.gate = { since = g and g.since or now, till = till, paced = true }
  for _, b in ipairs(s.buckets) do
    refill(b, from)
    b.at = max(b.at, till) -- nothing comes back meanwhile that could be sent
  end
  if s.rate then s.rate.next = max(s.rate.next, from) + till - from end
  put_off(i, 1, till - from)
end

-- failed counts a failure of the host, and shuts its gate after a row of them.
local function failed(ev)
  local s = states[1]
  local g = s.gate
  if g and g.failing then
    if not ev.probe then return end -- it was under way when the gate was shut
    g.every = min(2 * g.every, MAX_PROBE)
    g.probe, g.till = nil, now + max(g.every, ev.hold or 0)
    one_in(1, g.till - now)
    return
  end
  if (s.failures or 0) == 0 or now - s.failing > FAILURES_TIME then s.failures, s.failing = 0, now end
  s.failures = s.failures + 1
  local before = busy(s)
  local relapsed = s.rate and s.rate.back and ev.at >= s.rate.from -- it has just come back: it is gone again
  if s.failures < min(max(MIN_FAILURES, before), MAX_FAILURES) and not relapsed then return end
  if relapsed then before = s.rate.base / BACK_RATE end
  s.rate = nil
  s.gate = { failing = true, since = now, till = now + max(MIN_PROBE, ev.hold or 0), every = MIN_PROBE, before = before }
  stop(1)
end

-- signal lets all scopes of a request know what it says of the host.
local function signal(ev)
  if ev.signal ~= NONE then states[1].known = true end
  for _, i in ipairs(ev.touched) do
    local g = states[i].gate
    if ev.signal == GOOD and states[i].rate then
      states[i].good = states[i].good or {}
      count(states[i].good)
    end
    if ev.signal == GOOD or (ev.signal == REFUSED and i == 1) then
      works(i, ev.at, ev.probe)
    elseif ev.signal == NONE and ev.probe and g and g.probe then
      g.probe, g.till = nil, max(g.till, now + (g.every or 0)) -- it had no outcome: the next may try
      one_in(i, g.till - now)
    end
  end
  if ev.signal == FAILING then failed(ev) end
end

-- stated returns the bucket of a limit that responses state.
local function stated(s, u, window)
  local n = 0
  for _, b in ipairs(s.buckets) do
    if b.seen then
      n = n + 1
      if n == MAX_STATED or (b.unit == u and (b.window == window or b.window == 0 or window == 0)) then return b end
    end
  end
  local b = { unit = u, seen = 0, rate = 0, level = 0, size = 0, window = 0, at = now }
  table.insert(s.buckets, b)
  return b
end

-- slope works out how fast a bucket comes back of which answers say only how
-- much is in it and when it will be full: from the two that are furthest apart.
local function slope(b, left, reset)
  if not b.high or left > b.high[1] or (left == b.high[1] and reset > b.high[2]) then b.high = { left, reset } end
  if not b.low or left < b.low[1] or (left == b.low[1] and reset > b.low[2]) then b.low = { left, reset } end
  local over = b.low[2] - b.high[2]
  if over < MIN_SLOPE then return 0 end
  return SLOPE_SHARE * (b.high[1] - b.low[1]) / over
end

-- learn takes over a limit that an answer stated. What was promised since that
-- request went is not in its figures yet. A share is left over.
local function learn(s, ev, n)
  local u = unit(n.unit)
  if not u or n.limit <= 0 or n.remaining < 0 or n.limit > MAX_LIMIT then return end
  local limit, left, took = n.limit, min(n.remaining, n.limit), max(ev.cost[u], 1)
  local b = stated(s, u, n.window)
  if ev.at < b.seen then return end -- a later request's answer was here already
  if b.limit ~= limit then b.high, b.low = nil, nil end
  local window = n.window
  if window == 0 and b.limit == limit then window = b.window end
  local rate, guess = 0, nil
  if n.refills and n.reset >= 0 then
    rate = slope(b, left, n.reset)
    if rate == 0 and b.limit == limit and b.rate > 0 then rate, guess = b.rate, b.guess end
    -- It takes no longer to come back than what was taken.
    if rate == 0 and n.reset > 0 then rate, guess = took / n.reset, true end
  end
  if window > 0 and (n.refills or n.reset < 0) then rate, guess = limit / window, nil end
  if rate == 0 and n.reset < 0 then return end
  local size = max(b.size, left + took)
  local before = ev.before and ev.before[u] or s.sent[u]
  local level = max(left - max(MIN_RESERVE, RESERVE_SHARE * size), 0) + rate * (now - ev.at) - max(s.sent[u] - before, 0)
  if b.seen > 0 and rate > 0 and level > b.level then
    refill(b, now) -- requests overtake each other: a rise is believed by and by
    level = b.level + RAISE_SHARE * max(level - b.level, 0)
  end
  if b.unit ~= u then b.high, b.low = nil, nil end -- it was the place of another, the last there was
  b.unit, b.seen, b.longest, b.limit, b.window, b.rate, b.guess, b.reset = u, ev.at, n.longest or inf, limit, window, rate, guess, nil
  b.at = max(now, s.gate and s.gate.paced and s.gate.till or 0) -- see asked
  if rate == 0 then
    b.reset = now + n.reset
    if not n.refills then size = limit end
  end
  b.size = min(size, limit)
  b.level = min(level, b.size)
end

-- refused looks for the rate that the server bears, after it refused a request
-- and no limit that it states explains why.
local function refused(i, ev)
  local s = states[i]
  uncount(s)
  for _, b in ipairs(s.buckets) do
    if b.seen and b.rate > 0 and b.level < max(ev.cost[b.unit], 1) then return end
  end
  local r = s.rate
  -- What went before the last cut, or was promised before, says nothing of it.
  if r and (ev.at < r.from or (not r.back and now - r.from < CUT_TIME)) then return end
  local from = max(now, s.gate and s.gate.till or 0)
  local good = busy(s)
  if r then -- by now those who wait are counted too, so that only answers tell
    good = r.base
    if s.good and (s.good.before or 0) > 0 then good = min(rate_at(r, now), busy(s.good)) end
  end
  local average = stated_rate(s)
  local new
  if average then new = new_rate(average, from, RATE_TIME, BACK_DOUBLE)
  elseif good >= (r and KNOWN_RATE or START_RATE) then new = new_rate(good, from)
  elseif not r then new = new_rate(START_RATE, from, 0, START_DOUBLE)
  else new = new_rate(rate_at(r, now) / 2, from) end
  if r then
    new.next = r.next
    local times = rate_at(r, now) / rate_at(new, now)
    if r.next > now and times > 1 then -- what was promised is promised at the new rate
      new.next = now + (r.next - now) * times
      put_off(i, times, 0)
    end
  end
  s.rate = new
  if s.gate then s.gate.probe = nil end
end

local function observe(ev)
  local n = ev.stated
  if ev.key then
    local host, s = load(1), load(ev.key)
    host.known = true
    if not s.second then s.second, s.current, s.before = host.second, host.current, host.before end
    host.masks = bit.bor(host.masks or 0, 2 ^ ev.mask)
    if n then learn(s, ev, n) end
    if ev.hold and ev.signal ~= FAILING then asked(ev.key, ev.hold) end
    if ev.signal == REFUSED and not n then refused(ev.key, ev) end
  end
  if ev.signal ~= NONE then signal(ev) end
end

-- charge gives back tokens that were reserved and not used. A server's own count
-- is left to the server.
local function charge(s, back)
  for _, b in ipairs(s.buckets) do
    if b.unit ~= REQUESTS and not b.seen then
      refill(b, now)
      b.level = min(b.size, b.level + back[b.unit])
    end
  end
end

local function settle(ev)
  signal(ev)
  if ev.tokens then
    for _, i in ipairs(ev.touched) do charge(states[i], ev.tokens) end
  end
end

local function back(ev)
  for _, i in ipairs(ev.touched) do give(states[i], ev.cost) end
  signal(ev)
end

local function release(ev)
  local member = ask.process .. '/' .. ev.id
  local leases, line = KEYS[ev.leases], KEYS[ev.leases + 1]
  redis.call('ZREM', leases, member)
  redis.call('ZREM', line, member)
  grant(leases, line, ev.most)
end

for _, ev in ipairs(ask.events) do
  for _, i in ipairs(ev.touched) do load(i) end
  if ev.op == 'settle' then settle(ev)
  elseif ev.op == 'observe' then observe(ev)
  elseif ev.op == 'back' then back(ev) end
  if ev.leases then release(ev) end
end
save()
return '"ok"'
