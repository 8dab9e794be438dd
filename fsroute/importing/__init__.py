"""Set-ups of other systems, turned into fsroute's rows: pure from the text of a file to the SQL."""
