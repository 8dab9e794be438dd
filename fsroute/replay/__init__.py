"""Calls that were captured: the form of the files, what keeps them, and what plays them again."""
