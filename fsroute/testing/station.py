"""``python -m fsroute.testing.station FD``: the process in which fsroute runs for a test run.

It does what it is asked on the socket FD, one request after the other, until that is closed.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import logging  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

from fsroute import log  # noqa: E402
from fsroute.errors import FsrouteError  # noqa: E402
from fsroute.testing.client import Failed  # noqa: E402
from fsroute.testing.house import House  # noqa: E402

logger = logging.getLogger(__name__)


def answer(house: House, line: str) -> dict[str, Any]:
    """The reply to one request: ``value``, ``refused`` or ``failed``."""
    request = json.loads(line)
    what = request.pop("do")
    do: Callable[..., Any] | None = getattr(house, f"do_{what}", None)
    if do is None:
        return {"refused": f"there is no {what}"}
    try:
        return {"value": do(**request)}
    except Failed as failed:
        return {"failed": str(failed)}
    except FsrouteError as error:
        return {"refused": str(error)}
    except Exception as error:  # the test is told, and the next one may go on
        logger.exception("%s", what)
        return {"refused": f"{what}: {error!r}"}


def main(number: int) -> None:
    """Serve the socket of this number."""
    log.setup("info")
    with socket.socket(fileno=number) as connection, House() as house:
        for line in connection.makefile("r", encoding="utf-8"):
            connection.sendall(json.dumps(answer(house, line), default=str).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
