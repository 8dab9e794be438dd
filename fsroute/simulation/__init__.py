"""The coordinator's core on a virtual clock: what waits a contact center would have."""
