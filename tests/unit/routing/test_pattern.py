from __future__ import annotations

import time

import pytest

from fsroute.routing.pattern import LONGEST_TEXT, Pattern

SLOWEST = 2.0  # seconds of the processor: a pattern that backtracks for ever takes hours


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("800555.*", "8005550100", True),
        ("800555.*", "18005550100", False),
        ("800555", "8005550100", False),
        (r"\+?1?212\d{7}", "+12125551234", True),
        (r"\+?1?212\d{7}", "2125551234", True),
        (r"\+?1?212\d{7}", "+1212555123", False),
        ("gold|platinum", "platinum", True),
        ("gold|platinum", "gold|platinum", False),
        ("(gold)?card", "card", True),
        ("(gold|old) (card|name)", "old name", True),
        ("[0-46-9]+", "0049", True),
        ("[^0]*", "0", False),
        ("[]]", "]", True),
        ("^800$", "800", True),
        ("a.c", "a\nc", True),
        (r"\d+", "٣", False),
        ("", "", True),
        ("", "x", False),
    ],
)
def test_a_pattern_is_of_the_whole_text(pattern: str, text: str, matches: bool) -> None:
    assert Pattern.parse(pattern).matches(text) is matches


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("+1212", r"nothing to repeat before \+; for the character itself write \\\+"),
        ("1{,}", r"a repeat is \{m\}, \{m,n\} or \{m,\}; for the character itself write \\\{"),
        ("1{,5}", r"a repeat is"),
        ("1{1000}", r"a repeat is"),
        ("{2}", r"nothing to repeat before \{"),
        ("(a+)+", "a group must not be repeated"),
        ("(a|aa)*b", "a group must not be repeated"),
        ("(a){2,}", "a group must not be repeated"),
        ("a**", "two repeats after each other"),
        ("a+?", "two repeats after each other"),
        ("a{1,3}{1,3}", "two repeats after each other"),
        (".*.*.*x", "too long"),
        ("a?" * 20, "too long"),
        ("(", r"\( without \)"),
        ("a)", r"\) without \("),
        ("[a", r"\[ without \]"),
        ("[[a]", "in . . write"),
        ("[a--b]", "in . . write"),
        ("(?i)a", "a group begins with"),
        ("(?=a)a", "a group begins with"),
        (r"(.)\1", r"\\1 is not known here"),
        (r"\bx", r"\\b is not known here"),
        ("a\\", "ends with"),
        ("a{3,1}", "less than the first"),
        ("[z-a]", "no regular expression"),
        ("a^b", r"\^ in the middle"),
        ("x" * 201, "longer than 200"),
        ("(" * 30 + "x" + ")" * 30, "within groups"),
    ],
)
def test_what_may_take_long_or_is_no_pattern_is_refused_with_the_reason(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Pattern.parse(pattern)


@pytest.mark.parametrize(
    "pattern", [".*a.*b", "[a-z]*[a-z]*0", "a?" * 14 + "b", "(.*a)?.*b", "a{0,9}a{0,9}a{0,9}a{0,9}a{0,8}b"]
)
def test_no_text_makes_a_pattern_take_long(pattern: str) -> None:
    parsed = Pattern.parse(pattern)
    begin = time.process_time()
    assert not parsed.matches("a" * 100_000)
    assert time.process_time() - begin < SLOWEST


def test_a_longer_text_is_compared_by_its_beginning() -> None:
    assert Pattern.parse("a*").matches("a" * LONGEST_TEXT + "b")


@pytest.mark.parametrize(
    ("pattern", "head", "is_literal", "is_prefix"),
    [
        ("800", "800", True, False),
        (r"\+49", "+49", True, False),
        ("800.*", "800", False, True),
        ("8005?.*", "800", False, False),
        ("80[0-9]", "80", False, False),
        ("800|900", "", False, False),
        ("(800)", "", False, False),
        (".*", "", False, True),
    ],
)
def test_a_pattern_knows_how_what_it_matches_begins(
    pattern: str, head: str, is_literal: bool, is_prefix: bool
) -> None:
    parsed = Pattern.parse(pattern)
    assert (parsed.head, parsed.is_literal, parsed.is_prefix) == (head, is_literal, is_prefix)


@pytest.mark.parametrize(
    ("one", "other", "implies", "excludes"),
    [
        ("800", "800", True, False),
        ("800", "8.*", True, False),
        ("8001.*", "800.*", True, False),
        ("800.*", "8001.*", False, False),
        ("800", "80[01]", True, False),
        ("800", "900", False, True),
        ("800.*", "900.*", False, True),
        ("800.*", "900", False, True),
        ("80[01].*", "800", False, False),
        ("a|b", "c|d", False, False),  # nothing is sure
    ],
)
def test_patterns_tell_which_takes_in_which_as_far_as_it_is_sure(
    one: str, other: str, implies: bool, excludes: bool
) -> None:
    assert Pattern.parse(one).implies(Pattern.parse(other)) is implies
    assert Pattern.parse(one).excludes(Pattern.parse(other)) is excludes
