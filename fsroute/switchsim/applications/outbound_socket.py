"""The ``socket`` application: FreeSWITCH connects to the program and hands the call over.

Source: socket_function in mod_event_socket.c.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent.socket

from fsroute.switchsim import running
from fsroute.switchsim.encoding import leading_number
from fsroute.switchsim.listener import Listener

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel

log = logging.getLogger(__name__)

DEFAULT_PORT = 8084


def socket(channel: Channel, data: str) -> None:
    """``host:port[|host:port…] [async] [full]``; when nobody can be reached the dialplan goes on.

    Only ``async`` is played; without it the channel is parked all the same.
    """
    hosts, *options = data.split()
    connection = _connect(channel, hosts)
    if connection is None:
        return
    listener = Listener(channel.switch, connection, channel=channel, is_full="full" in options)
    listener.start()
    while not (listener.is_connected or listener.is_finished):
        channel.check()
        channel.wait(None)
    channel.wait(channel.switch.park_delay)
    running.park(channel)


def _connect(channel: Channel, hosts: str) -> gevent.socket.socket | None:
    for host in hosts.split("|"):
        if not host:
            continue
        name, _, port = host.rpartition(":") if ":" in host else (host, "", "")
        port, _, path = port.partition("/")
        if path:
            channel.set("socket_path", path)
        channel.set("socket_host", name)
        try:
            return gevent.socket.create_connection((name, leading_number(port) or DEFAULT_PORT))
        except OSError as error:
            log.debug("%s cannot reach %s: %s", channel.switch.name, host, error)
    return None
