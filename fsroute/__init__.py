"""fsroute: one contact center out of FreeSWITCH hosts in several places."""

__version__ = "0.1.0"
