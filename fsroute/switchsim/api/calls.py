"""Api commands about channels (mod_commands.c); their texts are those of FreeSWITCH."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fsroute.switchsim import bridging, states
from fsroute.switchsim.applications.calls import redirect
from fsroute.switchsim.causes import parse_cause
from fsroute.switchsim.commands import Command
from fsroute.switchsim.dialplan import Action
from fsroute.switchsim.encoding import leading_number
from fsroute.switchsim.originate import finish_originate, originate
from fsroute.switchsim.variables import split_arguments

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel
    from fsroute.switchsim.switch import Switch

NO_CHANNEL = "-ERR No such channel!\n"


def originate_(switch: Switch, argument: str) -> str:
    """``dial-string extension|&application(data) [dialplan [context [name [number [timeout]]]]]``."""
    dial_string, rest = _split_dial_string(argument)
    words = [None if word == "undef" else word for word in split_arguments(rest)]
    if not dial_string or not words or not words[0]:
        return "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>]\n"
    words += [None] * (6 - len(words))
    extension, dialplan, context, name, number, timeout = words[:6]
    leg, cause = originate(
        switch, dial_string, timeout=leading_number(timeout, 60), caller_id=(name or "", number or "")
    )
    if leg is None:
        return f"-ERR {cause}\n"
    assert extension is not None
    _send_on(leg, extension, dialplan or "XML", context or "default")
    return f"+OK {leg.uuid}\n"


def _split_dial_string(argument: str) -> tuple[str, str]:
    """Cut at the first blank outside of brackets and quotes."""
    depth = 0
    quoted = False
    for index, char in enumerate(argument):
        if char == "'":
            quoted = not quoted
        elif char in "{[" and not quoted:
            depth += 1
        elif char in "}]" and not quoted:
            depth -= 1
        elif char == " " and not quoted and depth <= 0:
            return argument[:index], argument[index + 1 :].strip()
    return argument, ""


def _send_on(leg: Channel, extension: str, dialplan: str, context: str) -> None:
    if extension.startswith("&") and len(extension) > 1:
        name, _, data = extension[1:].partition("(")
        leg.extension, leg.position = [Action(name, data.rpartition(")")[0])], 0
        finish_originate(leg)
    else:
        bridging.transfer(leg, f"{extension} {dialplan} {context}")


def hupall(switch: Switch, argument: str) -> str:
    words = argument.split()
    cause = parse_cause(words[0]) if words else "MANAGER_REQUEST"
    chosen = list(switch.channels.values())
    if len(words) > 2:
        chosen = [channel for channel in chosen if channel.get(words[1]) == words[2]]
    for channel in chosen:
        channel.hang_up(cause)
    matching = f" matching [{words[1]}]=[{words[2]}]" if len(words) > 2 else ""
    return f"+OK hangup all channels{matching} with cause{':' if matching else ''} {cause}\n"


def uuid_exists(switch: Switch, argument: str) -> str:
    return "true" if argument in switch.channels else "false"


def uuid_kill(switch: Switch, argument: str) -> str:
    uuid, _, cause = argument.partition(" ")
    channel = switch.channels.get(uuid)
    if channel is None:
        return NO_CHANNEL
    channel.hang_up(parse_cause(cause) if cause else "NORMAL_CLEARING")
    return "+OK\n"


def uuid_getvar(switch: Switch, argument: str) -> str:
    uuid, _, name = argument.partition(" ")
    channel = switch.channels.get(uuid)
    if channel is None:
        return NO_CHANNEL
    return channel.get(name) or "_undef_"


def uuid_setvar(switch: Switch, argument: str) -> str:
    words = argument.split(" ", 2)
    channel = switch.channels.get(words[0])
    if len(words) < 2:
        return "-USAGE: <uuid> <var> [value]\n"
    if channel is None:
        return NO_CHANNEL
    channel.set(words[1], words[2] if len(words) > 2 else None)
    return "+OK\n"


def uuid_setvar_multi(switch: Switch, argument: str) -> str:
    uuid, _, rest = argument.partition(" ")
    channel = switch.channels.get(uuid)
    if channel is None:
        return NO_CHANNEL
    for part in rest.split(";"):
        name, _, value = part.partition("=")
        channel.set(name, value or None)
    return "+OK\n"


def uuid_dump(switch: Switch, argument: str) -> str:
    channel = switch.channels.get(argument.split(" ")[0])
    if channel is None:
        return NO_CHANNEL
    stamp = switch.stamp.lines("CHANNEL_DATA", time.time())
    return f"{stamp}{channel.data_lines()}{channel.variable_lines()}\n"


def uuid_redirect(switch: Switch, argument: str) -> str:
    """302, from whatever the channel does; one that is answered stays."""
    uuid, _, target = argument.partition(" ")
    if not target:
        return "-USAGE: <uuid> <uri>\n"
    channel = switch.channels.get(uuid)
    if channel is None:
        return f"-ERR No such channel {uuid}!\n"
    if channel.is_up and not channel.is_answered:
        redirect(channel, target)
    return "+OK:\n"


def _on_channel(switch: Switch, uuid: str, act: Callable[[Channel], None]) -> str:
    channel = switch.channels.get(uuid)
    if channel is None or not channel.is_up:
        return "-ERROR\n"
    act(channel)
    return "+OK\n"


def uuid_answer(switch: Switch, argument: str) -> str:
    return _on_channel(switch, argument, lambda channel: channel.answer())


def uuid_pre_answer(switch: Switch, argument: str) -> str:
    return _on_channel(switch, argument, lambda channel: channel.pre_answer())


def uuid_ring_ready(switch: Switch, argument: str) -> str:
    return _on_channel(switch, argument.split(" ")[0], lambda channel: channel.ring_ready())


def uuid_bridge(switch: Switch, argument: str) -> str:
    words = argument.split()
    if len(words) < 2:
        return "-USAGE: <uuid> <other_uuid>\n"
    first, second = switch.channels.get(words[0]), switch.channels.get(words[1])
    if first is None or second is None or not bridging.uuid_bridge(first, second):
        return "-ERR Invalid uuid\n"
    return f"+OK {words[1]}\n"


def uuid_transfer(switch: Switch, argument: str) -> str:
    """``uuid [-bleg|-both] extension [dialplan [context]]``."""
    words = split_arguments(argument)
    if len(words) < 2:
        return "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
    channel = switch.channels.get(words[0])
    if channel is None:
        return NO_CHANNEL
    which = words.pop(1) if words[1] in {"-bleg", "-both"} else ""
    target = " ".join(words[1:])
    chosen = [channel] if which != "-bleg" else []
    if which and channel.partner is not None:
        chosen.append(channel.partner)
    for one in chosen:
        bridging.transfer(one, target)
    return "+OK\n" if chosen else "-ERR\n"


def uuid_dual_transfer(switch: Switch, argument: str) -> str:
    """``uuid extension[/dialplan[/context]] extension[/…]``: the second is for the other end of the bridge."""
    words = split_arguments(argument)
    if len(words) != 3:
        leg = "-dest-exten>[/<{0}-dialplan>][/<{0}-context>]"
        return f"-USAGE: <uuid> <A{leg.format('A')} <B{leg.format('B')}\n"
    channel = switch.channels.get(words[0])
    if channel is None:
        return NO_CHANNEL
    if channel.partner is not None:
        bridging.transfer(channel.partner, words[2].replace("/", " "))
    bridging.transfer(channel, words[1].replace("/", " "))
    return "+OK\n"


def uuid_break(switch: Switch, argument: str) -> str:
    """``uuid [all|both]``: end what plays now; ``all`` also drops what is queued."""
    uuid, _, flags = argument.partition(" ")
    channel = switch.channels.get(uuid)
    if channel is None:
        return NO_CHANNEL
    chosen = [channel]
    if "both" in flags and channel.partner is not None:
        chosen.append(channel.partner)
    for one in chosen:
        if "all" in flags:
            one.pending.clear()
        one.is_broken = True
        one.breaks_outer = one.broadcasts > 0
        one.poke()
    return "+OK\n"


def uuid_park(switch: Switch, argument: str) -> str:
    channel = switch.channels.get(argument)
    if channel is None:
        return NO_CHANNEL
    channel.leave_for(states.PARK)
    return "+OK\n"


def uuid_broadcast(switch: Switch, argument: str) -> str:
    """``uuid path|application::argument[!cause] [aleg|bleg|both]``; queued with event-lock."""
    words = split_arguments(argument)
    channel = switch.channels.get(words[0]) if words else None
    if channel is None:
        return "-ERR invalid uuid\n"
    which = words[2] if len(words) > 2 else "aleg"
    application, separator, data = words[1].partition("::")
    if not separator:
        application, data = "playback", words[1]
    application, _, _ = application.partition("!")
    headers = {
        "call-command": "execute",
        "execute-app-name": application,
        "execute-app-arg": data,
        "event-lock": "true",
    }
    for one, names in ((channel, {"aleg", "both"}), (channel.partner, {"bleg", "both"})):
        if one is not None and which in names:
            one.push(Command("sendmsg", headers))
    return "+OK Message sent\n"


def uuid_send_dtmf(switch: Switch, argument: str) -> str:
    uuid, _, digits = argument.partition(" ")
    channel = switch.channels.get(uuid)
    if channel is None:
        return "-ERR Cannot locate session!\n"
    for digit in digits.partition("@")[0]:
        if channel.party is not None:
            channel.party.pressed(digit)
    return f"+OK {uuid} sent DTMF {digits}.\n"


def uuid_recv_dtmf(switch: Switch, argument: str) -> str:
    uuid, _, digits = argument.partition(" ")
    channel = switch.channels.get(uuid)
    if channel is None:
        return "-ERR Cannot locate session!\n"
    for digit in digits.partition("@")[0]:
        channel.party_presses(digit)
    return f"+OK {uuid} received DTMF {digits}.\n"


def uuid_flush_dtmf(switch: Switch, argument: str) -> str:
    channel = switch.channels.get(argument)
    if channel is not None:
        channel.digits.clear()
    return "+OK\n" if channel is not None else "-ERR No such session\n"


def sched_transfer(switch: Switch, argument: str) -> str:
    """``[+]seconds uuid extension [dialplan [context]]``."""
    words = argument.split(" ", 2)
    channel = switch.channels.get(words[1]) if len(words) > 2 else None
    if channel is None:
        return NO_CHANNEL
    target = words[2]

    def act() -> None:
        if channel.is_up:
            bridging.transfer(channel, target)

    switch.schedule(channel.uuid, words[0], act)
    return "+OK\n"


def sched_hangup(switch: Switch, argument: str) -> str:
    """``[+]seconds uuid [cause]``; 0 is at once."""
    words = argument.split()
    channel = switch.channels.get(words[1]) if len(words) > 1 else None
    if channel is None:
        return NO_CHANNEL
    cause = parse_cause(words[2]) if len(words) > 2 else "ALLOTTED_TIMEOUT"
    if leading_number(words[0].lstrip("+")) == 0:
        channel.hang_up(cause)
    else:
        switch.schedule(channel.uuid, words[0], lambda: channel.hang_up(cause))
    return "+OK\n"
