"""What the link to the switch reads out of answers."""

from __future__ import annotations

import pytest

from fsroute.errors import SwitchError
from fsroute.switchlink import channels_listed, version_in


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("FreeSWITCH Version 1.11.1-release+git~20250101T000000Z~abc~64bit (git abc 64bit)\n",
         "FreeSWITCH 1.11.1-release+git~20250101T000000Z~abc~64bit"),
        ("FreeSWITCH Version 1.10.12-release~64bit ( 64bit)\n", "FreeSWITCH 1.10.12-release~64bit"),
        ("-ERR version command not found!\n", ""),
        ("FreeSWITCH Version \n", ""),
        ("FreeSWITCH Version " + "1" * 100, ""),
        ("", ""),
    ],
)  # fmt: skip
def test_the_version_is_read_or_left_out(said: str, version: str) -> None:
    assert version_in(said) == version


@pytest.mark.parametrize(
    "text", ["[" * 5000, "[]", "-ERR no reply", '{"rows":7}', '{"rows":{}}', "null", "1"]
)
def test_an_answer_that_is_no_table_of_channels_is_not_taken_for_a_switch_without_calls(text: str) -> None:
    with pytest.raises(SwitchError, match="show channels"):
        channels_listed(text)


def test_channels_are_rows_of_texts() -> None:
    assert channels_listed('{"row_count":0}') == []
    assert channels_listed("") == []
    assert channels_listed('{"rows":[{"uuid":"a","n":1},7]}') == [{"uuid": "a"}]
