---@meta
-- session and channel: the clients, one by one and in groups. For editors only; never run. The code
-- behind it is lua/lib/session.lua.

--- A client's connection, as handlers get it. Its messages are handled one at a time, in order.
---@class Session
---@field id integer number of this connection on this host
---@field uid? string who it is, after `session:bind`; nil before
---@field ip string the client's address
---@field transport "tcp"|"ws"
---@field user any what the client sent as `user` with its handshake
---@field data table yours: what you keep here lasts as long as the connection
local Session = {}

--- Says who this client is. From then on it may call every route, and `session.push(uid, ...)` finds
--- it; a session that had this uid before is kicked. Waits until it is done; raises a 409 when the
--- session has another uid already, or has closed meanwhile.
---
--- ```lua
--- session:bind("player-7")
--- ```
---@param uid string|integer 1 to 64 bytes; an integer is turned into text
function Session:bind(uid) end

--- Sends a message that the client did not ask for. Does not wait. An error when the message cannot
--- be written as JSON; the error names the field.
---
--- ```lua
--- session:push("onGold", { gold = 120 })
--- ```
---@param route string what the client listens to, 1 to 255 bytes
---@param msg any
function Session:push(route, msg) end

--- Ends the connection after what is on its way to the client, and tells the client why. Does not wait.
---
--- ```lua
--- session:kick("the match is over")
--- ```
---@param reason? string "kicked" when left out
function Session:kick(reason) end

---@class SessionLibrary
session = {}

--- Sends a message to whoever is bound as `uid`, in whichever lane. Does not wait; where nobody has
--- that uid, nothing happens.
---
--- ```lua
--- session.push(msg.to, "onWhisper", { text = msg.text })
--- ```
---@param uid string|integer|Session
---@param route string
---@param msg any
function session.push(uid, route, msg) end

--- Ends the connection of whoever is bound as `uid`. Does not wait; where nobody has that uid,
--- nothing happens.
---
--- ```lua
--- session.kick("player-7", "logged out by an operator")
--- ```
---@param uid string|integer|Session
---@param reason? string "kicked" when left out
function session.kick(uid, reason) end

---@class ChannelLibrary
channel = {}

--- Puts a session into a channel; the first one makes it. A session that closes leaves all its
--- channels by itself. Does not wait.
---
--- ```lua
--- channel.join("guild:7", session)
--- ```
---@param name string 1 to 255 bytes
---@param target Session
function channel.join(name, target) end

--- Takes a session out of a channel; one that is not in it is left alone. Does not wait.
---
--- ```lua
--- channel.leave("guild:7", session)
--- ```
---@param name string
---@param target Session
function channel.leave(name, target) end

--- Sends one message to everybody in a channel. It is written as JSON once, however many they are.
--- Does not wait.
---
--- ```lua
--- channel.broadcast("guild:7", "onChat", { text = "hello" })
--- ```
---@param name string
---@param route string
---@param msg any
---@param except? Session the one who does not get it
function channel.broadcast(name, route, msg, except) end

--- How many sessions are in a channel; 0 for one that nobody is in. Waits for the answer.
---
--- ```lua
--- local members = channel.count("guild:7")
--- ```
---@param name string
---@return integer
function channel.count(name) end

--- Tells everybody who has subscribed to a topic, in every lane of this host and, with Redis, of all hosts
--- of the game. At most once: who is not there, or far behind, gets nothing later. Does not wait.
---
--- ```lua
--- channel.publish("news", { text = "The gates are open" })
--- ```
---@param topic string 1 to 255 bytes
---@param value any copied, as the arguments of rpc.call
function channel.publish(topic, value) end

--- Calls a function with each value that is published under a topic from now on, as a task of its own
--- that may wait. It is this lane that subscribes: a service that runs in all lanes hears each value
--- once in each. For one call on each host, subscribe in a service with `lanes = "one"`. A reload keeps
--- subscriptions, and the functions they call: cancel and subscribe anew in `__reload`. Does not wait.
---
--- ```lua
--- S.news = channel.subscribe("news", function(news)
---   channel.broadcast("everybody", "onNews", news)
--- end)
--- ```
---@param topic string 1 to 255 bytes
---@param f fun(value: any)
---@return Subscription
function channel.subscribe(topic, f) end
