"""A caller's request to be forgotten: where what is known of the caller lies, and how it goes (docs/privacy.md)."""
