"""One module for each thing that reads what others have written; each has a ``TARGET``."""
