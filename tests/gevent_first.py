"""A pytest plug-in, loaded by ``-p`` before any other, that patches the standard library.

A patch in a conftest.py would come too late: psycopg chooses how it waits when it is first
imported, and other plug-ins may import it, or ssl.
"""

from __future__ import annotations

import sys

from gevent import monkey

assert "psycopg" not in sys.modules, "psycopg was imported before gevent could patch"
monkey.patch_all()

import psycopg.waiting  # noqa: E402

assert psycopg.waiting.wait is not psycopg.waiting.wait_c, "a query would stop every greenlet"
