"""Calls kept as files: their format, the journal beside them, who records them, and who reads them back."""
