-- The wrk side of the bench: real dialogs, every reply checked. Run by wrk.py, which writes the plan.
--
-- wrk does not say which connection a reply came on. So each screen has a queue of the dialogs that wait
-- for it: a reply must be, byte for byte, a screen somebody waits for, and moves the one that has waited
-- longest. That may be another one than was answered: so a dialog goes on only after thousands of others,
-- long after its own reply is there, as with people. (asyncio_client.py checks each reply against its own
-- request.)

local fmt = string.format
local threads = {}
local plan

function setup(thread)
  table.insert(threads, thread)
end

local function digits(number)
  return fmt("%08d", number % 100000000)
end

local function prepare()
  for _, script in ipairs(plan.scripts) do
    for _, turn in ipairs(script) do
      waiting[turn.expect] = waiting[turn.expect] or {head = 1, tail = 0}
      local tail = plan.form_tail .. turn.text
      turn.tail = tail
      turn.head = fmt("%sContent-Length: %d\r\n\r\n%s", plan.head, plan.form_fixed + #tail, plan.form_head)
    end
  end
end

function init(args)
  plan = dofile(args[1])
  right, wrong, number, example = 0, 0, plan.first, ""
  ready, waiting = {head = 1, tail = 0}, {}
  prepare()
end

local function push(queue, item)
  queue.tail = queue.tail + 1
  queue[queue.tail] = item
end

local function pop(queue)
  if queue.head > queue.tail then return nil end
  local item = queue[queue.head]
  queue[queue.head] = nil
  queue.head = queue.head + 1
  return item
end

local function start()
  number = number + 1
  local id = digits(number)
  local script = plan.scripts[number % #plan.scripts + 1]
  return {script = script, turn = 1, session = plan.session .. id, phone = plan.phone .. id}
end

function request()
  local dialog = ready.tail - ready.head + 1 < plan.dialogs and start() or pop(ready)
  local turn = dialog.script[dialog.turn]
  push(waiting[turn.expect], dialog)
  return turn.head .. dialog.session .. dialog.phone .. turn.tail
end

function response(status, headers, body)
  local queue = waiting[body]
  local dialog = status == 200 and queue and pop(queue)
  if not dialog then
    wrong = wrong + 1
    if example == "" then example = fmt("%d %s", status, body:sub(1, 200):gsub("[\r\n]", "|")) end
    return
  end
  right = right + 1
  dialog.turn = dialog.turn + 1
  if dialog.script[dialog.turn] then push(ready, dialog) end
end

function done(summary, latency, requests)
  local good, bad, first = 0, 0, ""
  for _, thread in ipairs(threads) do
    good = good + thread:get("right")
    bad = bad + thread:get("wrong")
    if first == "" then first = thread:get("example") end
  end
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(fmt("\nright=%d\nwrong=%d\nerrors=%d\nmicroseconds=%d\np50_us=%d\np99_us=%d\nexample=%s\n",
    good, bad, errors, summary.duration, latency:percentile(50), latency:percentile(99), first))
end
