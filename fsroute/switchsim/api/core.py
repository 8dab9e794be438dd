"""Api commands about the switch itself."""

from __future__ import annotations

import ipaddress
import json
import os
import time
from typing import TYPE_CHECKING

from fsroute.switchsim.variables import expand

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel
    from fsroute.switchsim.switch import Switch

VERSION = "1.11.2-release~64bit"


def status(switch: Switch, argument: str) -> str:
    seconds = int(time.time() - switch.started)
    return (
        f"UP 0 years, 0 days, {seconds // 3600} hours, {seconds // 60 % 60} minutes, {seconds % 60} seconds\n"
        f"FreeSWITCH (Version {VERSION}) is ready\n{switch.sessions} session(s) since startup\n"
        f"{len(switch.channels)} session(s) - peak {switch.peak}, last 5min {switch.peak} \n"
        f"0 session(s) per Sec out of max {switch.options.sessions_per_second}, peak 1, last 5min 1 \n"
        f"{switch.options.max_sessions} session(s) max\n"
        "min idle cpu 0.00/90.00\n"
    )


def version(switch: Switch, argument: str) -> str:
    return f"FreeSWITCH Version {VERSION} ( 64bit)\n"


def global_getvar(switch: Switch, argument: str) -> str:
    if argument:
        return switch.globals.get(argument, "")
    return "".join(f"{name}={value}\n" for name, value in switch.globals.items())


def global_setvar(switch: Switch, argument: str) -> str:
    name, _, value = argument.partition("=")
    switch.globals[name] = value
    return "+OK"


def reloadxml(switch: Switch, argument: str) -> str:
    switch.reload()
    return "+OK [Success]\n"


def strftime(switch: Switch, argument: str) -> str:
    return time.strftime(argument or "%Y-%m-%d %T")


NOTHING = "can't find anything\n"


def xml_locate(switch: Switch, argument: str) -> str:
    """``section tag attribute value``: a context of the dialplan, or a configuration that the options hold."""
    words = argument.split(" ")
    if len(words) != 4:
        return "-ERR bad args\n"
    section, tag, attribute, value = words
    if (section, tag, attribute) == ("dialplan", "context", "name"):
        return switch.dialplan.text(value) or NOTHING
    if (section, tag, attribute) == ("configuration", "configuration", "name"):
        return switch.options.configurations.get(value, NOTHING)
    return NOTHING


def module_exists(switch: Switch, argument: str) -> str:
    return "false" if argument.strip().removeprefix("mod_") in switch.options.missing_modules else "true"


def file_exists(switch: Switch, argument: str) -> str:
    return "true" if argument and os.path.exists(argument) else "false"


def acl(switch: Switch, argument: str) -> str:
    """``address list``: a list is one network here, as FreeSWITCH takes one in place of a name, too."""
    words = argument.split()
    try:
        inside = len(words) > 1 and ipaddress.ip_address(words[0]) in ipaddress.ip_network(
            words[1], strict=False
        )
    except ValueError:
        inside = False
    return "true" if inside else "false"


def fsctl(switch: Switch, argument: str) -> str:
    """Only the questions: nothing is ever paused here."""
    if argument.split()[:1] == ["pause_check"]:
        return "false"
    if argument.split()[:1] == ["ready_check"]:
        return "true"
    return "-ERR the stand-in knows no such fsctl\n"


def sofia(switch: Switch, argument: str) -> str:
    """``xmlstatus [gateway | profile NAME]``: each profile of the options runs, there is no gateway."""
    words = argument.split()
    header = '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
    if words == ["xmlstatus", "gateway"]:
        return f"{header}<gateways>\n</gateways>\n"
    if words[:2] == ["xmlstatus", "profile"] and words[2:]:
        known = words[2] in switch.options.contexts
        return f"{header}{_profile(words[2])}" if known else "Invalid Profile!\n"
    if words == ["xmlstatus"]:
        rows = "".join(_running(name) for name in switch.options.contexts)
        return f"{header}<profiles>\n{rows}</profiles>\n"
    return "-ERR the stand-in knows no such command of sofia\n"


def _running(name: str) -> str:
    data = "<data>sip:mod_sofia@127.0.0.1:5060</data>\n<state>RUNNING (0)</state>\n"
    return f"<profile>\n<name>{name}</name>\n<type>profile</type>\n{data}</profile>\n"


def _profile(name: str) -> str:
    codecs = "<inbound-codecs>PCMU,PCMA</inbound-codecs>\n    <outbound-codecs>PCMU,PCMA</outbound-codecs>"
    return (
        f"<profile>\n  <profile-info>\n    <name>{name}</name>\n    {codecs}\n  </profile-info>\n</profile>\n"
    )


def expand_(switch: Switch, argument: str) -> str:
    """``expand command``: run another api command after filling in globals."""
    name, _, rest = expand(argument, switch.globals.get).partition(" ")
    return switch.api(name, rest)


def eval_(switch: Switch, argument: str) -> str:
    """``eval text``: the text with globals filled in, and with what the api commands in it said."""
    return expand(argument, switch.globals.get, switch.call_api)


def sched_del(switch: Switch, argument: str) -> str:
    return f"+OK Deleted: {switch.unschedule(argument)}\n"


def show(switch: Switch, argument: str) -> str:
    """``show channels|calls|registrations [count] [as json]``; anything else has no rows."""
    words = argument.split()
    if words[:1] == ["registrations"]:
        return _shown(switch.registrations.rows(), words)
    rows = list(switch.channels.values())
    if words[:1] == ["calls"]:
        rows = [channel for channel in rows if channel.is_inbound]
    elif words[:1] != ["channels"]:
        rows = []
    return _shown([_row(channel) for channel in rows], words)


def _shown(table: list[dict[str, str]], words: list[str]) -> str:
    if "count" in words:
        return f"{len(table)} total.\n"
    if words[-2:] == ["as", "json"]:
        return json.dumps(
            {"row_count": len(table)} | ({"rows": table} if table else {}), separators=(",", ":")
        )
    return "".join(",".join(row.values()) + "\n" for row in table) + f"\n{len(table)} total.\n"


def _row(channel: Channel) -> dict[str, str]:
    created = channel.times.created // 1_000_000
    return {
        "uuid": channel.uuid,
        "direction": channel.profile.direction,
        "created": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(created)),
        "created_epoch": str(created),
        "name": channel.profile.channel_name,
        "state": channel.state,
        "cid_name": channel.profile.caller_id_name,
        "cid_num": channel.profile.caller_id_number,
        "ip_addr": channel.profile.network_addr,
        "dest": channel.profile.destination_number,
        "application": channel.variables.get("current_application", ""),
        "application_data": channel.variables.get("current_application_data", ""),
        "dialplan": channel.profile.dialplan,
        "context": channel.profile.context,
        "presence_id": channel.variables.get("presence_id", ""),
        "callstate": channel.call_state,
        "hostname": channel.switch.name,
        "call_uuid": channel.call_uuid if channel.call_uuid != channel.uuid else "",
    }
