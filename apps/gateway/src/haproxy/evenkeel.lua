-- Holds a request until its backend has a server, or the time is over.
core.register_action("park", { "http-req" }, function(txn, backend, milliseconds)
  local function now()
    local time = core.now()
    return time.sec * 1000 + time.usec / 1000
  end
  local deadline = now() + tonumber(milliseconds)
  while txn.f:nbsrv(backend) == 0 and now() < deadline do
    core.msleep(20)
  end
end, 2)

-- Holds a request until somebody listens there, or the time is over.
core.register_action("await", { "http-req" }, function(_, address, milliseconds)
  for _ = 1, tonumber(milliseconds) / 100 do
    local socket = core.tcp()
    socket:settimeout(1)
    local connected = socket:connect(address)
    socket:close()
    if connected then return end
    core.msleep(100)
  end
end, 2)

-- What a Connection header names belongs to one hop, and so does the header; host and length frame the message and stay.
local function drop_hop(headers, drop, set)
  local upgrade = false
  for _, value in pairs(headers["connection"] or {}) do
    for name in string.gmatch(value, "[^,%s]+") do
      name = string.lower(name)
      if name == "upgrade" then
        upgrade = true
      elseif name ~= "host" and name ~= "content-length" then
        drop(name)
      end
    end
  end
  if upgrade then set("connection", "upgrade") else drop("connection") end
end

core.register_action("drop_hop", { "http-req" }, function(txn)
  local http = txn.http
  drop_hop(
    http:req_get_headers(),
    function(name) http:req_del_header(name) end,
    function(name, value) http:req_set_header(name, value) end
  )
end, 0)

core.register_action("drop_hop_of_answer", { "http-res" }, function(txn)
  local http = txn.http
  drop_hop(
    http:res_get_headers(),
    function(name) http:res_del_header(name) end,
    function(name, value) http:res_set_header(name, value) end
  )
end, 0)

-- As often as it is there, in the order in which the others stand.
core.register_action("drop_cookie", { "http-req" }, function(txn, dropped)
  local lines = txn.http:req_get_headers()["cookie"]
  txn.http:req_del_header("cookie")
  local index = 0
  while lines[index] do
    local kept = {}
    for pair in string.gmatch(lines[index], "[^;]+") do
      if string.match(pair, "^%s*([^=]*)") ~= dropped then kept[#kept + 1] = pair end
    end
    local line = string.match(table.concat(kept, ";"), "^%s*(.-)%s*$")
    if line ~= "" then txn.http:req_add_header("cookie", line) end
    index = index + 1
  end
end, 1)

-- A lane or a cell without its seal is a client's own word, and taken away.
core.register_action("drop_marks", { "http-req" }, function(txn)
  local kept = {}
  for _, value in pairs(txn.http:req_get_headers()["baggage"] or {}) do
    for member in string.gmatch(value, "[^,]+") do
      local text = string.match(member, "^%s*(.-)%s*$")
      local claims = string.match(text, "^lane%s*=") or string.match(text, "^cell%s*=")
      if text ~= "" and (not claims or evenkeel_marks[text]) then kept[#kept + 1] = text end
    end
  end
  if #kept == 0 then
    txn.http:req_del_header("baggage")
  else
    txn.http:req_set_header("baggage", table.concat(kept, ","))
  end
end, 0)

-- Who is answered by an instance that drains is told, and asked to come again on another connection.
core.register_action("tell_draining", { "http-res" }, function(txn)
  local backend = core.backends[txn.f:be_name()]
  local server = backend and backend.servers[txn.f:srv_name()]
  if server and server:get_stats()["status"] == "MAINT" then
    txn.http:res_set_header("x-evenkeel-draining", "1")
    txn.http:res_set_header("connection", "close")
  end
end, 0)
