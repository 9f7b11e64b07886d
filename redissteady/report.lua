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

local function has(list, i)
  for _, k in ipairs(list or {}) do
    if k == i then return true end
  end
  return false
end

-- works: a response to a request that went at that time shows that the scope works.
-- That ends a row of failures and opens a gate that was shut before. A pause ends
-- early, unless the server punishes those who go on, if the request went clearly
-- later than the one that was told; then pauses are not believed for a while.
local function works(i, at, probe)
  local s = states[i]
  local g = s.gate
  s.row = nil
  if not g or at < g.since or (at == g.since and not probe) then return end
  if g.failing or (probe and now >= g.till) then
    open(i)
  elseif not g.strict then
    g.against = g.against + (at - g.since) / max(g.took / LATER_SHARE, MIN_LATER)
    if g.against < 1 then return end
    s.contradicted = now + CONTRADICTED_TIME
    local early = now - g.shut < RAMP_FLAT -- hardly anybody waits there yet
    open(i)
    if early then s.ramp = nil end
  end
end

-- asked makes everybody wait under KEYS[i], as a server wants it. Where a rate
-- is known, what was promised is put off by that time, and all go on in their
-- order; else one goes first, and on its outcome it depends when the others may.
local function asked(i, ev)
  local s, till, at = load(i), now + ev.hold, ev.at > 0 and ev.at or now
  local g = s.gate
  if s.contradicted and not ev.strict then return end
  if g then
    g.probe, g.strict = nil, g.strict or ev.strict
    if now >= g.till then g.since, g.against = max(g.since, at), 0 end -- a pause anew
    if till <= g.till then return end
    if not g.paced then
      g.till, g.limited = till, not g.failing and ev.signal ~= FAILING
      stop(i)
      return
    end
  end
  local paced = s.rate ~= nil
  for _, b in ipairs(s.buckets) do paced = paced or (b.seen and b.rate > 0) end
  local from = g and g.till or now
  s.gate = {
    shut = g and g.shut or now, since = g and g.since or at, against = g and g.against or 0, till = till,
    paced = paced, strict = ev.strict or (g and g.strict), limited = ev.signal ~= FAILING,
    every = MIN_PROBE, took = max(now - at, 0), load = load_of(i),
  }
  if not paced then
    stop(i)
    return
  end
  for _, b in ipairs(s.buckets) do
    refill(b, from)
    b.at = max(b.at, till) -- nothing comes back meanwhile that could be sent
  end
  if s.rate then s.rate.next = max(s.rate.next, from) + till - from end
  put_off(i, 1, till - from)
end

-- A probe failed: the next goes later.
local function probe_failed(i, ev)
  local g = states[i].gate
  g.every = min(2 * g.every, MAX_PROBE)
  g.till, g.probe = max(g.till, now + max(g.every, ev.hold or 0)), nil
  g.took = (g.took or 0) + (max(now - ev.at, 0) - (g.took or 0)) * TOOK_SHARE
  one_in(i, g.till - now)
end

-- failed counts a failure of KEYS[i], and shuts its gate after a row of them. of is
-- the scope that the failure was observed of: i itself, or one of a host's that i
-- is.
local function failed(i, of, ev)
  local s = load(i)
  local g = s.gate
  if g then
    if has(ev.probes, i) and ev.at >= g.since then probe_failed(i, ev) end
    return -- else it was under way when the gate was shut
  end
  local r = s.row or { n = 0, began = now, load = load_of(1), routes = {} }
  s.row = r
  r.n, r.latest = r.n + 1, now
  local known = false
  for _, route in ipairs(r.routes) do known = known or route == ev.route end
  if not known and #r.routes < MIN_ROUTES then table.insert(r.routes, ev.route) end
  -- The load of the scope is the pace of the row itself, since all that was sent in
  -- it failed, but no more than its host had before.
  local pace = min(r.n / max(now - r.began, ROW_MOMENT), max(r.load, 1))
  if r.n < min(max(MIN_FAILURES, pace * ROW_SPAN), MAX_FAILURES) or (of ~= i and #r.routes < MIN_ROUTES) then return end
  s.gate = {
    failing = true, routes = of ~= i, shut = now, since = now, till = now + max(MIN_PROBE, ev.hold or 0), every = MIN_PROBE,
    took = ev.at > 0 and max(now - ev.at, 0) or 0, row = r.n,
    load = max(pace, s.ramp and s.ramp.load or 0), -- the ramp's pace has held the row back
  }
  s.row, s.ramp = nil, nil
  stop(i)
end

-- The figures that responses state are contradicted by a request that is answered
-- well although nothing is left: then they are not believed for DOUBT_TIME. Of what
-- comes back evenly the rest of one may have been left, and the server's clock is
-- not ours, so that it takes two more than can have come back. A refusal that they
-- explain confirms them.
local function stated_well(b, at)
  if b.tried and at >= b.tried then b.tried = nil end
  if not b.empty or at <= b.empty then return end
  b.well = (b.well or 0) + 1
  if b.rate > 0 and b.well <= 2 + b.rate * (now - b.counted) then return end
  b.doubted, b.empty, b.well = now + DOUBT_TIME, nil, nil
end
local function stated_refused(b, ev)
  if b.tried and ev.at >= b.tried then b.tried = nil end
  local level = b.level + max(now - b.at, 0) * b.rate
  if (b.rate == 0 and not b.reset) or (level >= max(ev.cost[b.unit], 1) and not b.empty) then return false end
  b.doubted, b.refusals = nil, (b.refusals or 0) + 1
  b.confirmed = now + max(b.window, STATED_TIME) * 2 ^ min(b.refusals, MAX_DOUBTS)
  return true
end

-- signal lets all scopes of a request know what it says of them.
local function signal(ev)
  local heard = ev.signal
  if heard ~= NONE then states[1].known = true end
  for _, i in ipairs(ev.touched) do
    local s = states[i]
    local g, probe = s.gate, has(ev.probes, i)
    local tried = false
    for _, b in ipairs(s.buckets) do
      local was = b.tried
      if heard == GOOD and b.seen then stated_well(b, ev.at)
      elseif was == ev.at then b.tried = nil end
      tried = tried or was ~= b.tried
    end
    if tried then again(i) end -- by now it is known, or another may try
    if heard == GOOD then s.refusing = nil end
    if heard == GOOD and (s.rate or s.bad) then
      s.good = s.good or {}
      count(s.good)
    end
    if heard == GOOD or (heard == REFUSED and i == 1) then -- a refusal shows that somebody is there
      works(i, ev.at, probe)
    elseif probe and g and g.probe == ev.at then
      g.probe, g.till = nil, max(g.till, now + (g.every or 0)) -- it had no outcome: the next may try
      one_in(i, g.till - now)
    end
  end
  -- A success also contradicts what was inferred meanwhile of scopes that were not
  -- there when the request went.
  for _, scope in ipairs(heard == GOOD and ev.others or {}) do
    local i, mask = scope[1], scope[2]
    if bit.band(states[1].masks or 0, 2 ^ mask) ~= 0 and peek(i) then works(i, ev.at, false) end
  end
end

-- stated returns the bucket of a limit that responses state. Several limits under
-- one name, told apart by their figures, are several.
local function stated(s, u, window, limit)
  local n, oldest = 0, nil
  for _, b in ipairs(s.buckets) do
    if b.seen then
      n = n + 1
      if b.unit == u and b.limit == limit and (b.window == window or b.window == 0 or window == 0) then return b end
      if not oldest or b.seen < oldest.seen then oldest = b end
    end
  end
  local b = { unit = u, seen = 0, rate = 0, level = 0, size = 0, window = 0, at = now }
  if n < MAX_STATED then
    table.insert(s.buckets, b)
    return b
  end
  for k in pairs(oldest) do oldest[k] = nil end
  for k, v in pairs(b) do oldest[k] = v end
  return oldest
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
  local b = stated(s, u, n.window, limit)
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
  -- What was not there when the request went has sent at most what its host has.
  local before = ev.before and ev.before[u] or s.sent[u]
  if not ev.before and ev.host_before then before = s.sent[u] - (states[1].sent[u] - ev.host_before[u]) end
  local level = max(left - max(MIN_RESERVE, RESERVE_SHARE * size), 0) + rate * (now - ev.at) - max(s.sent[u] - before, 0)
  if b.seen > 0 and rate > 0 and level > b.level then
    refill(b, now) -- requests overtake each other: a rise is believed by and by
    level = b.level + RAISE_SHARE * max(level - b.level, 0)
  end
  b.unit, b.seen, b.longest, b.limit, b.window, b.rate, b.guess, b.reset = u, ev.at, n.longest or inf, limit, window, rate, guess, nil
  b.at = max(now, s.gate and s.gate.paced and s.gate.till or 0) -- see asked
  if rate == 0 then
    b.reset = now + n.reset
    if not n.refills then size = limit end
  end
  b.size = min(size, limit)
  b.level = min(level, b.size)
  if left > 0 then b.empty, b.well = nil, nil
  elseif not b.empty then b.empty, b.counted = now, ev.at end
end

-- refused looks for the rate that the server bears, after it refused a request
-- and no limit that it states explains why. One refusal among many may be chance:
-- it takes a share of what was sent of late.
local function refused(i, ev)
  local s = states[i]
  uncount(s)
  local explained = false
  for _, b in ipairs(s.buckets) do
    if b.seen then explained = stated_refused(b, ev) or explained end
  end
  if explained then
    again(i) -- those who wait can be promised a time
    return
  end
  local r = s.rate
  s.bad = s.bad or {}
  count(s.bad)
  s.refusing = s.refusing or now
  if r and not s.told and lets_nothing_in(s) then
    s.told = true
    stop(i) -- from now on they wait as for an outage
  end
  if not lets_nothing_in(s) then s.told = nil end
  local share = r and CHANCE_SHARE / 2 or CHANCE_SHARE
  if of_late(s.bad) < max(MIN_REFUSED, share * of_late(s)) then return end
  -- What went before the last cut, or was promised before, says nothing of it.
  if r and (ev.at < r.from or now - r.from < CUT_TIME) then return end
  local from = max(now, s.gate and s.gate.till or 0)
  local good = busy(s)
  if r then -- by now those who wait are counted too, so that only answers tell
    good = r.base
    if s.good and (s.good.before or 0) > 0 then good = min(rate_at(r, now), busy(s.good)) end
  end
  local average = stated_rate(s)
  local new
  if average then new = new_rate(average, from, RATE_TIME, RAMP_DOUBLE)
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
  s.rate, s.bad.current, s.bad.before = new, 0, 0
end

local function observe(ev)
  local n, host, k = ev.stated, load(1), ev.key
  local s = k and load(k)
  if k and k > 1 then
    if not s.second then s.second, s.current, s.before = host.second, host.current, host.before end
    host.masks = bit.bor(host.masks or 0, 2 ^ ev.mask)
  end
  if n then learn(s, ev, n) end
  if k and ev.signal == REFUSED then
    refused(k, ev)
    if ev.hold then asked(k, ev) end
    if s.gate and has(ev.probes, k) then probe_failed(k, ev) end
  elseif k and ev.signal == FAILING then
    failed(k, k, ev)
    if k > 1 then failed(1, k, ev) end
    if ev.hold then asked(k, ev) end
  elseif ev.hold then
    asked(k, ev)
  end
  if ev.signal ~= NONE then signal(ev) end
end

-- charge gives back tokens that were reserved and not used. A server's own count
-- is left to the server.
local function charge(s, back, at)
  for _, b in ipairs(s.buckets) do
    if b.unit ~= REQUESTS and not b.seen then
      refill(b, now)
      give_to(b, back[b.unit], at)
    end
  end
end

local function settle(ev)
  signal(ev)
  if ev.tokens then
    for _, i in ipairs(ev.touched) do charge(states[i], ev.tokens, ev.at) end
  end
end

local function back(ev)
  for _, i in ipairs(ev.touched) do give(states[i], ev.cost, ev.at) end
  signal(ev)
end

local function release(ev)
  local member = ask.process .. '/' .. ev.id
  local leases, line, turns = KEYS[ev.leases], KEYS[ev.leases + 1], KEYS[ev.leases + 2]
  redis.call('ZREM', leases, member)
  redis.call('ZREM', line, member)
  grant(leases, line, turns, ev.most)
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
