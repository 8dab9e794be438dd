"""The routing processor: selects the destination of calls that nobody has answered yet."""
