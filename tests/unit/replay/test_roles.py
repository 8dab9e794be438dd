from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fsroute.replay.roles import Roles

A, B, C = (f"{n}{n}{n}{n}{n}{n}{n}{n}-0000-4000-8000-000000000000" for n in "123")


def test_names_that_stand_at_one_place_are_the_same_from_then_on() -> None:
    roles = Roles()
    assert roles.agree(f"uuid_break {A}", f"uuid_break {B}")
    assert roles.agree(f"uuid_kill {A}", f"uuid_kill {B}")
    assert not roles.agree(f"uuid_kill {A}", f"uuid_kill {C}"), "it stands for another one"
    assert not roles.agree(f"uuid_kill {C}", f"uuid_kill {B}"), "nor may two stand for one"


def test_other_words_are_no_names() -> None:
    assert not Roles().agree(f"uuid_break {A}", f"uuid_kill {B}")
    assert not Roles().agree("playback a", "playback b")


def test_applications_may_lie_elsewhere_but_each_at_one_place() -> None:
    roles = Roles()
    assert roles.agree("/srv/a/prompts/en/x.wav", "/home/me/a/prompts/en/x.wav")
    assert not roles.agree("/srv/a/prompts/en/y.wav", "/other/prompts/en/y.wav")
    assert not roles.agree("/srv/a/prompts/en/x.wav", "/home/me/a/prompts/en/z.wav")
    both = "file_string:///srv/a/prompts/en/x.wav!/srv/a/prompts/en/y.wav"
    assert roles.agree(both, both.replace("/srv/a", "/home/me/a"))


def test_what_is_heard_carries_the_names_of_now_and_keeps_its_length() -> None:
    roles = Roles()
    roles.bind(A, B)
    data = f"Application-UUID: {A}\n".encode()
    assert roles.translate(data) == f"Application-UUID: {B}\n".encode()
    assert roles.translate_back(roles.translate(data)) == data
    roles.rebind(A, C)
    assert roles.translate(data) == f"Application-UUID: {C}\n".encode()


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz")), max_size=30))
def test_it_stays_a_bijection(pairs: list[tuple[str, str]]) -> None:
    roles, agreed = Roles(), dict[str, str]()
    for then, now in pairs:
        if roles.bind(then, now):
            agreed[then] = now
    assert len(set(agreed.values())) == len(agreed)
    assert all(roles.now(then) == now for then, now in agreed.items())
