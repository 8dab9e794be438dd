"""Records of contacts, computed from the append-only events; they can be computed again at any time."""
