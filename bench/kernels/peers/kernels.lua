-- The kernels in Lua, for LuaJIT: the same work as NAME.c. With the argument `ffi`, arrays are C arrays, which its compiler
-- likes best; else tables, which its interpreter likes best. See README.md for what is asked on stdin.
-- Lua computes in doubles: kernels of floats differ from C by rounding.

local ffi = arg[1] == "ffi" and require("ffi") or nil
local bit = require("bit")
local band, bxor, bnot, rshift = bit.band, bit.bxor, bit.bnot, bit.rshift
local floor, sqrt = math.floor, math.sqrt

local function array(ctype, count)  -- zeros, indices from 0
  if ffi then return ffi.new(ctype .. "[?]", count) end
  local t = {}
  for i = 0, count - 1 do t[i] = 0 end
  return t
end

local function next_seed(seed) return (seed * 1664525 + 1013904223) % 4294967296 end
local function noise(seed) return floor(seed / 256) / 16777216.0 end

local function readings_of(count)
  local readings, seed = array("double", count), 12345
  for i = 0, count - 1 do
    seed = next_seed(seed)
    local phase = i % 2048
    local triangle = phase < 1024 and phase / 512.0 - 1.0 or 3.0 - phase / 512.0
    readings[i] = 50.0 + 40.0 * triangle + 6.0 * (noise(seed) - 0.5)
  end
  return readings
end

local kernels, results = {}, {}

function kernels.threshold()
  local readings = readings_of(16384)
  return function()
    local where, count, sum = 0, 0, 0.0
    for i = 0, 16383 do
      local v = readings[i]
      if where == 0 then
        if v > 75.0 then
          count = count + 1
          if count >= 3 then where = 1 count = 0 sum = sum + v end
        elseif v < 25.0 then
          count = count + 1
          if count >= 3 then where = 2 count = 0 sum = sum - v end
        else count = 0 end
      elseif where == 1 then
        if v < 70.0 then
          count = count + 1
          if count >= 2 then where = 0 count = 0 sum = sum + 1.0 end
        else count = 0 end
      elseif v > 30.0 then
        count = count + 1
        if count >= 2 then where = 0 count = 0 sum = sum + 0.5 end
      else count = 0 end
    end
    return sum
  end
end

function kernels.ewma()
  local readings = readings_of(16384)
  return function()
    local a, m, variance, scores = 0.05, 50.0, 100.0, 0.0
    for i = 0, 16383 do
      local d = readings[i] - m
      local z = d / sqrt(variance)
      if z > 1.8 or z < -1.8 then scores = scores + z end
      m = m + a * d
      variance = (1.0 - a) * (variance + a * d * d)
    end
    return scores + variance
  end
end

function kernels.sliding()
  local readings = readings_of(16384)
  return function()
    local low, high = array("int", 128), array("int", 128)
    local low_head, low_tail, high_head, high_tail = 0, 0, 0, 0
    local sum, spans, means = 0.0, 0.0, 0.0
    for i = 0, 16383 do
      local v = readings[i]
      sum = sum + v
      if i >= 100 then
        sum = sum - readings[i - 100]
        if low_head < low_tail and low[low_head % 128] <= i - 100 then low_head = low_head + 1 end
        if high_head < high_tail and high[high_head % 128] <= i - 100 then high_head = high_head + 1 end
      end
      while low_tail > low_head and readings[low[(low_tail - 1) % 128]] >= v do low_tail = low_tail - 1 end
      low[low_tail % 128] = i
      low_tail = low_tail + 1
      while high_tail > high_head and readings[high[(high_tail - 1) % 128]] <= v do high_tail = high_tail - 1 end
      high[high_tail % 128] = i
      high_tail = high_tail + 1
      if i >= 99 then
        spans = spans + (readings[high[high_head % 128]] - readings[low[low_head % 128]])
        means = means + sum / 100.0
      end
    end
    results.means = means
    return spans
  end
end

function kernels.biquads()
  local readings, z1, z2 = readings_of(4096), array("double", 4), array("double", 4)
  local function four(a, b, c, d)
    local t = array("double", 4)
    t[0], t[1], t[2], t[3] = a, b, c, d
    return t
  end
  local b0, b1, b2 = four(0.2, 0.25, 0.22, 0.3), four(0.3, 0.28, 0.31, 0.25), four(0.2, 0.25, 0.22, 0.3)
  local a1, a2 = four(-0.5, -0.45, -0.42, -0.3), four(0.2, 0.23, 0.17, 0.15)
  return function()
    local sum = 0.0
    for i = 0, 4095 do
      local x = readings[i]
      for n = 0, 3 do
        local y = b0[n] * x + z1[n]
        z1[n] = b1[n] * x - a1[n] * y + z2[n]
        z2[n] = b2[n] * x - a2[n] * y
        x = y
      end
      sum = sum + x
    end
    return sum
  end
end

function kernels.crc32()
  local bytes, crcs = array("uint8_t", 16384), array("int", 256)
  for i = 0, 16383 do bytes[i] = (i * 7 + floor(i / 256) * 13) % 256 end
  for i = 0, 255 do
    local c = i
    for _ = 1, 8 do
      if band(c, 1) == 1 then c = bxor(rshift(c, 1), 0xEDB88320) else c = rshift(c, 1) end
    end
    crcs[i] = bit.tobit(c)
  end
  return function()
    local c = -1
    for i = 0, 16383 do c = bxor(crcs[band(bxor(c, bytes[i]), 255)], rshift(c, 8)) end
    return bnot(c) % 4294967296
  end
end

function kernels.sieve()
  return function()
    local struck, sum = array("bool", 50000), 0
    if not ffi then for i = 0, 49999 do struck[i] = false end end
    for i = 2, 49999 do
      if not struck[i] then
        sum = sum + i
        for multiple = i * i, 49999, i do struck[multiple] = true end
      end
    end
    return sum
  end
end

function kernels.mandelbrot()
  return function()
    local total, last = 0, 0.0
    for row = 0, 63 do
      for column = 0, 63 do
        local cr, ci = column / 64.0 * 3.0 - 2.0, row / 64.0 * 2.0 - 1.0
        local zr, zi = 0.0, 0.0
        for _ = 1, 50 do
          local r2, i2 = zr * zr, zi * zi
          if r2 + i2 > 4.0 then break end
          zi = 2.0 * zr * zi + ci
          zr = r2 - i2 + cr
          total = total + 1
        end
        last = last + zr
      end
    end
    results.steps = total
    return last
  end
end

function kernels.scan_json()
  local messages, seed = {}, 12345
  for n = 0, 499 do
    seed = next_seed(seed)
    local tenths = floor(seed / 256) % 1200
    messages[n + 1] = string.format('{"sensor":"T%d","temp":%d.%d,"ts":%d}\n', n % 16, floor(tenths / 10), tenths % 10,
                                    1234567890 + n)
  end
  local text, bytes = table.concat(messages), array("uint8_t", 24000)
  local size = #text
  for i = 1, size do bytes[i - 1] = text:byte(i) end
  local function is_digit(byte) return byte >= 48 and byte <= 57 end
  return function()
    local at, sum = 0, 0.0
    while at < size do
      if bytes[at] ~= 123 then
        at = at + 1
      else
        at = at + 1
        while bytes[at] ~= 125 do
          while bytes[at] == 32 or bytes[at] == 44 do at = at + 1 end
          if bytes[at] ~= 34 then break end
          at = at + 1
          local key = at
          while bytes[at] ~= 34 do at = at + 1 end
          local length = at - key
          at = at + 1
          if bytes[at] ~= 58 then break end
          at = at + 1
          if bytes[at] == 34 then
            at = at + 1
            while bytes[at] ~= 34 do at = at + 1 end
            at = at + 1
          else
            local value, scale = 0.0, 1.0
            while is_digit(bytes[at]) do
              value = value * 10.0 + (bytes[at] - 48)
              at = at + 1
            end
            if bytes[at] == 46 then
              at = at + 1
              while is_digit(bytes[at]) do
                scale = scale * 0.1
                value = value + (bytes[at] - 48) * scale
                at = at + 1
              end
            end
            if length == 4 and bytes[key] == 116 and bytes[key + 1] == 101 and bytes[key + 2] == 109
               and bytes[key + 3] == 112 and value > 80.0 then
              sum = sum + value
            end
          end
        end
      end
    end
    return sum
  end
end

function kernels.calls()
  local readings = readings_of(4096)
  local function clamp(x, low, high)
    if x < low then return low end
    if x > high then return high end
    return x
  end
  local function scaled(x, gain, offset) return x * gain + offset end
  local function blend(a, b, weight) return a + (b - a) * clamp(weight, 0.0, 1.0) end
  local function level(x)
    if x < 20.0 then return 0 end
    if x < 40.0 then return 1 end
    if x < 60.0 then return 2 end
    return 3
  end
  local function filtered(last, x) return blend(last, clamp(scaled(x, 1.02, -0.5), 15.0, 85.0), 0.25) end
  return function()
    local value, sum, count, before = 50.0, 0.0, 0, 2
    for i = 0, 4095 do
      local x = readings[i]
      value = filtered(value, x)
      local now_at = level(value)
      if now_at ~= before then count = count + 1 end
      before = now_at
      sum = sum + blend(value, x, 0.5)
    end
    results.changes = count
    return sum
  end
end

function kernels.text()
  local readings, seed, format = array("double", 64), 12345, string.format
  for i = 0, 63 do
    seed = next_seed(seed)
    readings[i] = floor(seed / 256) / 65536.0 - 100.0
  end
  return function()
    local bytes, equal = 0, 0
    for i = 0, 63 do
      local x = readings[i]
      local line = format("sensor T%d: %.1f of %.3f, %d readings", i, x, x / 3.0, i * 37)
      bytes = bytes + #line
      if line == "sensor T7: 24.6 of 8.205, 259 readings" then equal = equal + 1 end
    end
    results.equal = equal
    return bytes
  end
end

function kernels.fft1024_loops()
  local readings, swap = array("double", 1024), array("int", 1024)
  local wr, wi, re, im = array("double", 512), array("double", 512), array("double", 1024), array("double", 1024)
  local seed, c, s = 12345, 1.0, 0.0
  for k = 0, 511 do
    wr[k], wi[k] = c, -s
    c, s = c * 0.9999811752826011 - s * 0.006135884649154475, s * 0.9999811752826011 + c * 0.006135884649154475
  end
  for i = 0, 1023 do
    seed = next_seed(seed)
    readings[i] = noise(seed) - 0.5
    local left, reversed = i, 0
    for _ = 1, 10 do
      reversed = reversed * 2 + left % 2
      left = floor(left / 2)
    end
    swap[i] = reversed
  end
  return function()
    for i = 0, 1023 do
      re[swap[i]] = readings[i]
      im[i] = 0.0
    end
    local half = 1
    while half < 1024 do
      local groups = 512 / half
      for group = 0, groups - 1 do
        for j = 0, half - 1 do
          local c, s = wr[j * groups], wi[j * groups]
          local u = group * 2 * half + j
          local v = u + half
          local xr, xi = re[v] * c - im[v] * s, re[v] * s + im[v] * c
          re[v] = re[u] - xr
          im[v] = im[u] - xi
          re[u] = re[u] + xr
          im[u] = im[u] + xi
        end
      end
      half = half * 2
    end
    local power = 0.0
    for i = 0, 511 do power = power + re[i] * re[i] + im[i] * im[i] end
    return power
  end
end

function kernels.fft1000_loops()
  local function thousand() return array("double", 1000) end
  local readings, wr, wi, re, im, xr, xi = thousand(), thousand(), thousand(), thousand(), thousand(), thousand(), thousand()
  local seed, c, s = 12345, 1.0, 0.0
  for k = 0, 999 do
    wr[k], wi[k] = c, -s
    c, s = c * 0.9999802608561371 - s * 0.006283143965558951, s * 0.9999802608561371 + c * 0.006283143965558951
    seed = next_seed(seed)
    readings[k] = noise(seed) - 0.5
  end
  return function()
    for i = 0, 999 do
      re[i] = readings[i]
      im[i] = 0.0
    end
    local length = 1
    for stage = 0, 5 do
      local radix = stage >= 3 and 5 or 2
      local count = 1000 / (length * radix)
      for i = 0, 999 do
        xr[i] = re[i]
        xi[i] = im[i]
      end
      for p = 0, length * radix - 1 do
        local from, to = p % length * radix * count, p * count
        for k = 0, count - 1 do
          local sum_r, sum_i, turn = xr[from + k], xi[from + k], 0
          for t = 1, radix - 1 do
            turn = turn + p * count
            if turn >= 1000 then turn = turn - 1000 end
            local at = from + t * count + k
            sum_r = sum_r + (xr[at] * wr[turn] - xi[at] * wi[turn])
            sum_i = sum_i + (xr[at] * wi[turn] + xi[at] * wr[turn])
          end
          re[to + k] = sum_r
          im[to + k] = sum_i
        end
      end
      length = length * radix
    end
    local power = 0.0
    for i = 0, 499 do power = power + re[i] * re[i] + im[i] * im[i] end
    return power
  end
end

local function float_pairs()
  local a, b, seed = array("float", 4096), array("float", 4096), 12345
  for i = 0, 4095 do
    seed = next_seed(seed)
    a[i] = noise(seed) - 0.5
    seed = next_seed(seed)
    b[i] = noise(seed) - 0.5
  end
  return a, b
end

function kernels.dot_rms_loops()
  local a, b = float_pairs()
  local products, squares = array("float", 32), array("float", 32)
  return function()
    for n = 0, 31 do
      products[n] = 0.0
      squares[n] = 0.0
    end
    for i = 0, 4095, 32 do
      for n = 0, 31 do
        products[n] = products[n] + a[i + n] * b[i + n]
        squares[n] = squares[n] + a[i + n] * a[i + n]
      end
    end
    local half = 16
    while half >= 1 do
      for n = 0, half - 1 do
        products[n] = products[n] + products[n + half]
        squares[n] = squares[n] + squares[n + half]
      end
      half = half / 2
    end
    return products[0] + sqrt(squares[0] / 4096.0)
  end
end

function kernels.matmul_loops()
  local a, b = float_pairs()
  local c = array("float", 4096)
  return function()
    for i = 0, 4095 do c[i] = 0.0 end
    for row = 0, 63 do
      for k = 0, 63 do
        local x, to, from = a[row * 64 + k], row * 64, k * 64
        for column = 0, 63 do c[to + column] = c[to + column] + x * b[from + column] end
      end
    end
    return c[65] + c[4000]
  end
end

-- ---- stdin: "KERNEL check" and "KERNEL LEAST_MS" ---------------------------------------------------------------------

local clock, known = os.clock, {}

local function timed(run, runs)
  local begin = clock()
  for _ = 1, runs do run() end
  return (clock() - begin) * 1e9
end

-- The eight bytes of a double, in hexadecimal.
local function bits_of(x)
  if x == 0 then return "0000000000000000" end
  local sign = x < 0 and 0x800 or 0
  local mantissa, exponent = math.frexp(math.abs(x))
  local fraction = (mantissa * 2 - 1) * 2 ^ 52
  local upper = floor(fraction / 2 ^ 32)
  return string.format("%03x%05x%08x", sign + exponent + 1022, upper, fraction - upper * 2 ^ 32)
end

local function answer(name, what)
  if not kernels[name] then return "none" end
  if what == "check" then
    local run = kernels[name]()
    run()
    return bits_of(run())
  end
  local least = tonumber(what) * 1e6
  if not known[name] then
    local run = kernels[name]()
    local begin = clock()
    while clock() - begin < 0.1 do run() end  -- until its compiler is done
    local runs, ns = 1, timed(run, 1)
    while ns < least / 4 do
      runs = runs * 2
      ns = timed(run, runs)
    end
    known[name] = {run, floor(runs * least / ns) + 1}
  end
  local run, runs = known[name][1], known[name][2]
  return string.format("%.1f", timed(run, runs) / runs)
end

for line in io.lines() do
  local name, what = line:match("(%S+) (%S+)")
  print(answer(name, what))
  io.flush()
end
