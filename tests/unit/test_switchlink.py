"""What the link to the switch reads out of answers."""

from __future__ import annotations

import pytest

from fsroute.switchlink import version_in


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
