"""mod_callcenter's events for fsroute's own queues and agents, so that tools that listen to them can be kept."""
