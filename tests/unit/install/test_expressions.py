from __future__ import annotations

import ctypes
import ctypes.util
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.errors import ConfigurationError
from fsroute.install.expressions import check_expression

LIBRARY = ctypes.util.find_library("pcre2-8")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "^",
        r"^\+?(8005550100)$",
        r"^(\+?[0-9]{1,20})$",
        r"^\.{40,}$",
        "^fsr[0-9a-f]{32}$",
        "^(?:a|b$|c)$",
        "Deleted: 0",
        "^([0-9A-Za-z+*#_.-]{1,64})$",
        r"^\*5([0-7])([0-9]{0,8})$",
    ],
)
def test_what_means_the_same_to_both_is_taken(expression: str) -> None:
    check_expression(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "^(",
        "a{2}{3}",
        "a++",
        r"\d+",
        r"a\Z",
        r"\Qa\E",
        "[[:digit:]]",
        "[^]a]",
        "(?i)a",
        "(?<=a)b",
        "(?P<n>a)",
        "(?|a)",
        "a$b",
        "^${channel_variable}$",
        "^$strftime(x)$",
        "/a/i",
        "_X.",
        "\n",
        "é",
    ],
)
def test_what_may_mean_something_else_to_freeswitch_is_refused(expression: str) -> None:
    with pytest.raises(ConfigurationError, match="expression"):
        check_expression(expression)


class Pcre:
    """libpcre2, used as switch_regex_perform does."""

    def __init__(self) -> None:
        library: Any = ctypes.CDLL(LIBRARY)
        self._compile = library.pcre2_compile_8
        self._compile.restype = ctypes.c_void_p
        self._compile.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint32, *[ctypes.c_void_p] * 3]
        self._data = library.pcre2_match_data_create_from_pattern_8
        self._data.restype = ctypes.c_void_p
        self._data.argtypes = [ctypes.c_void_p] * 2
        self._match = library.pcre2_match_8
        self._match.argtypes = [
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_uint32, *[ctypes.c_void_p] * 2,
        ]  # fmt: skip
        self._vector = library.pcre2_get_ovector_pointer_8
        self._vector.restype = ctypes.POINTER(ctypes.c_size_t)
        self._vector.argtypes = [ctypes.c_void_p]
        self._free_code, self._free_data = library.pcre2_code_free_8, library.pcre2_match_data_free_8
        self._free_code.argtypes = self._free_data.argtypes = [ctypes.c_void_p]

    def search(self, expression: str, text: str) -> tuple[int, int] | None:
        """Where it matches. Raises ValueError where PCRE does not compile it."""
        code, offset = ctypes.c_int(), ctypes.c_size_t()
        pattern = expression.encode()
        compiled = self._compile(pattern, len(pattern), 0, ctypes.byref(code), ctypes.byref(offset), None)
        if not compiled:
            raise ValueError(f"PCRE error {code.value} at {offset.value}")
        data = self._data(compiled, None)
        try:
            subject = text.encode()
            if self._match(compiled, subject, len(subject), 0, 0, data, None) <= 0:
                return None
            vector = self._vector(data)
            return int(vector[0]), int(vector[1])
        finally:
            self._free_data(data)
            self._free_code(compiled)


_atoms = st.sampled_from(["a", "b", "1", "*", r"\*", r"\+", r"\.", ".", "^", "$", "(", ")", "(?:", "|", "[0-9]",
                          "[^a]", "[+*#_.-]", "?", "+", "{1,2}", "{2}", "{2,}", "-", "#"])  # fmt: skip


@pytest.mark.skipif(LIBRARY is None, reason="no libpcre2-8 on this machine")
@settings(max_examples=300, deadline=None)
@given(
    st.lists(_atoms, max_size=8).map("".join), st.lists(st.text(alphabet="ab1*+.#-", max_size=6), max_size=4)
)
def test_python_and_pcre_agree_on_whatever_is_taken(expression: str, texts: list[str]) -> None:
    try:
        check_expression(expression)
    except ConfigurationError:
        return
    pcre = Pcre()
    for text in ("", *texts):
        found = re.search(expression, text)
        assert pcre.search(expression, text) == (found.span() if found else None), (expression, text)
