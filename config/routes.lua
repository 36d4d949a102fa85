-- Which other hosts there are, and which services they have. One host alone needs nothing of this.
--
-- A service that this host has itself is called here. A change takes effect with
-- `npm run admin -- reload settings`, without a restart.

return {
  -- name of the host (node.name there) = where its RPC listens (rpc.host and rpc.port there)
  nodes = {
    -- world1 = { host = "10.0.0.11", port = 7310 },
    -- world2 = { host = "10.0.0.12", port = 7310, weight = 2 },
  },

  -- name of the service = the hosts that have it, and how one of them is chosen:
  -- "round_robin" (the default), "random", "weighted", "least_loaded", "hash" (by rpc.key)
  services = {
    -- arena = { nodes = { "world1", "world2" }, balance = "hash" },
  },
}
