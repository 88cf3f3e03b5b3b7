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
