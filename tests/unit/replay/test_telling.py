from __future__ import annotations

from xml.etree import ElementTree as Xml  # our own text

from fsroute.replay.telling import Case, junit


def test_ci_reads_what_failed_with_whatever_letters_a_caller_sent() -> None:
    text = junit(
        [
            Case("good", 0.1),
            Case('a<b>"&', 0.2, failure="first \x1b[31m line\nsecond \x00\ud800"),
            Case("broken", 0.0, error="line 3: no JSON"),
            Case("left", 0.0, skipped="why"),
        ]
    )
    suite = Xml.fromstring(text.encode())[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4", "failures": "1", "errors": "1", "skipped": "1",
    }  # fmt: skip
    assert suite[1].get("name") == 'a<b>"&'
    failure = suite[1][0]
    assert failure.text is not None
    assert "\x1b" not in failure.text
