"""What a site says of callbacks and voice messages."""

from __future__ import annotations

import pytest

from fsroute.app import call_settings
from fsroute.config import parse
from fsroute.errors import ConfigurationError


def test_nobody_is_called_back_unless_the_site_says_how() -> None:
    assert call_settings(parse("")).callback_dial_string == ""


def test_the_number_goes_into_the_dial_string() -> None:
    config = parse('[callserver]\ncallback_dial_string = "sofia/gateway/carrier/{number}"')
    assert call_settings(config).callback_dial_string == "sofia/gateway/carrier/{number}"


@pytest.mark.parametrize(
    "dial_string", ["sofia/gateway/carrier/1000", "user/{address}", "{number", "{number}{x}"]
)
def test_a_dial_string_that_takes_no_number_is_refused(dial_string: str) -> None:
    with pytest.raises(ConfigurationError, match="callback_dial_string"):
        parse(f'[callserver]\ncallback_dial_string = "{dial_string}"')


def test_numbers_are_told_by_a_regular_expression() -> None:
    with pytest.raises(ConfigurationError, match="callback_numbers"):
        parse("[callserver]\ncallback_numbers = '[2-9'")


def test_messages_lie_in_the_state_folder_unless_the_site_says_where() -> None:
    assert str(call_settings(parse('state_dir = "/var/lib/x"')).voice_messages) == "/var/lib/x/voice_messages"
    elsewhere = parse('state_dir = "/var/lib/x"\n[callserver]\nvoice_messages = "/srv/messages"')
    assert str(call_settings(elsewhere).voice_messages) == "/srv/messages"
