"""The remote end: dials agents, receives network legs, joins them."""
