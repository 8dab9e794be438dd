"""The commands: one file each, imported when asked for."""
