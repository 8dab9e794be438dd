"""What the CTI processor asks its switch, on the command connection of its own client."""

from __future__ import annotations

from collections.abc import Callable

from fsroute.cti import lists
from fsroute.errors import SwitchError

Api = Callable[[str], str]
"""The output of an api command, whatever it says; raises SwitchUnavailable."""

CALLCENTER_LISTS = ("agent list", "tier list", "queue list", "queue list members")


def core_uuid(api: Api) -> str:
    """Which FreeSWITCH process it is.

    Raises:
        SwitchError: it does not say, or is not there.
    """
    answer = api("global_getvar core_uuid").strip()
    if not answer or answer.startswith("-") or len(answer) > 64:
        raise SwitchError(f"global_getvar core_uuid answered {answer[:60]!r}")
    return answer


def callcenter_lists(api: Api) -> lists.CallcenterLists | None:
    """mod_callcenter's lists; None: the module is not loaded."""
    texts = []
    for name in CALLCENTER_LISTS:
        text = api(f"callcenter_config {name}")
        if text.startswith(("-ERR", "-USAGE")):
            return None
        texts.append(text)
    return lists.callcenter(*texts)


def phones(api: Api) -> tuple[lists.ListedPhone, ...]:
    return lists.registrations(api("show registrations as json"))


def channels(api: Api) -> tuple[lists.ListedChannel, ...]:
    return lists.channels(api("show channels as json"))
