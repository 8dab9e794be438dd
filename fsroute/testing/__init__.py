"""For an operator's own tests: a pytest plug-in, and a process of its own in which fsroute runs for it."""
