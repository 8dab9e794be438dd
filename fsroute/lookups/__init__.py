"""Questions to a site's own data: what they may come to, what answers them, and what spares callers the wait."""
