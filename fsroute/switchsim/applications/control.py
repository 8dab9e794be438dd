"""Applications that change variables or let time pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsroute.switchsim.digit_actions import Binding, DigitActions
from fsroute.switchsim.encoding import leading_number
from fsroute.switchsim.running import rest, run
from fsroute.switchsim.variables import split_unquoted

if TYPE_CHECKING:
    from fsroute.switchsim.channel import Channel
    from fsroute.switchsim.dialplan import Action


def set_(channel: Channel, data: str) -> None:
    """``name=value``; no value, or ``_undef_``, removes it."""
    name, _, value = data.partition("=")
    channel.set(name.strip(), None if value == "_undef_" else value)


def set_profile_var(channel: Channel, data: str) -> None:
    """``name=value`` of the caller profile; other names than these two do nothing here."""
    name, _, value = data.partition("=")
    if name in ("caller_id_name", "caller_id_number"):
        setattr(channel.profile, name, value)
        channel.renew_profile()


def unset(channel: Channel, data: str) -> None:
    channel.set(data.strip(), None)


def export(channel: Channel, data: str) -> None:
    """``[nolocal:]name=value``: the legs that this channel dials get it too."""
    name, _, value = data.partition("=")
    name = name.strip()
    local = not name.startswith("nolocal:")
    name = name.removeprefix("nolocal:")
    channel.set(name, value)
    if not local:
        channel.set(f"nolocal:{name}", value)
    channel.exports.add(name)
    channel.set("export_vars", ",".join(sorted(channel.exports)))


def multiset(channel: Channel, data: str) -> None:
    """``a=b c=d``, or ``^^:a=b:c=d`` with another separator."""
    separator = " "
    if data.startswith("^^") and len(data) > 2:
        separator, data = data[2], data[3:]
    for part in split_unquoted(data, separator):
        if part.strip():
            set_(channel, part.strip())


def multiunset(channel: Channel, data: str) -> None:
    for name in data.replace("^^", " ").split():
        channel.set(name, None)


def log_(channel: Channel, data: str) -> None:
    """``level text``: kept on the switch for tests to read."""
    channel.switch.logged.append(data)


def execute_extension(channel: Channel, data: str) -> None:
    """``extension [dialplan [context]]``: run its actions and come back (switch_core_session_execute_exten)."""
    extension, _, context = [*data.split(), "", ""][:3]

    def look_up(name: str) -> str | None:
        return extension if name == "destination_number" else channel.get(name)

    def perform(action: Action) -> None:
        run(channel, action.application, action.data)

    for action in channel.switch.dialplan.route(context or channel.profile.context, look_up, perform):
        perform(action)


def nothing(channel: Channel, data: str) -> None:
    """Stand for an application without an effect that anybody here could notice."""


def event(channel: Channel, data: str) -> None:
    """``Event-Name=CUSTOM,Event-Subclass=name,header=value``: such an event about this channel."""
    pairs = [part.strip().partition("=") for part in split_unquoted(data, ",")]
    headers = {name: value for name, _, value in pairs}
    name = headers.pop("Event-Name", "CHANNEL_APPLICATION")
    channel.fire(name, after=tuple(headers.items()))


def bind_digit_action(channel: Channel, data: str) -> None:
    """``realm,digits|~regex,exec[i]:application,argument``; other actions, and other legs, are not known here."""
    realm, digits, action, argument, *_ = [*split_unquoted(data, ","), ""]
    if channel.digit_actions is None:
        timeout = leading_number(channel.get("bind_digit_digit_timeout") or "", 1500) / 1000
        channel.digit_actions = DigitActions(
            lambda binding, caught: _caught(channel, binding, caught), channel.arrive, timeout
        )
    channel.digit_actions.bind(realm, Binding(digits, action.rpartition(":")[2], argument.strip("'")))


def _caught(channel: Channel, binding: Binding, digits: str) -> None:
    channel.set("last_matching_digits", digits)
    run(channel, binding.application, binding.argument)


def digit_action_set_realm(channel: Channel, data: str) -> None:
    if channel.digit_actions is not None:
        channel.digit_actions.choose(data)


def clear_digit_action(channel: Channel, data: str) -> None:
    channel.digit_actions = None


def sleep(channel: Channel, data: str) -> None:
    """Wait `data` milliseconds; ``uuid_break`` ends it."""
    rest(channel, leading_number(data) / 1000)


def flush_dtmf(channel: Channel, data: str) -> None:
    channel.digits.clear()


def send_dtmf(channel: Channel, data: str) -> None:
    """Send ``digits[@milliseconds]`` to the far end."""
    for digit in data.partition("@")[0]:
        if channel.party is not None and digit in "0123456789*#ABCD":
            channel.party.pressed(digit)
