"""The file that is loaded: whatever stood in theirs is a value in ours."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.importing.sql import script, text
from fsroute.store.sqlfile import statements
from tests.unit.importing.reading import HARBOR, imported

HOSTILE = st.text(alphabet="';-/*\\$\"\n ab|@\u2028\x85é", max_size=30) | st.text(max_size=30)


def test_a_text_cannot_end_itself() -> None:
    assert text("o'; drop table agent; --") == "'o''; drop table agent; --'"
    assert [text(value) for value in (None, 3, "x")] == ["null", "3", "'x'"]


def test_the_harbor_is_nine_kinds_of_rows() -> None:
    made, remarks = imported(HARBOR.read_bytes(), numbers={"8005550100": "freight@harbor.example"})
    found = [each.text.split("(")[0] for each in statements(script(made, remarks, "harbor"))]
    tables = [each.removeprefix("insert into ").strip() for each in found if each.startswith("insert")]
    assert tables == [
        "site", "switch", "contact_center", "number_called", "queue", "queue_skill", "routing_rule", "rule_step",
        "agent", "agent_skill", "agent_authorization",
    ]  # fmt: skip


@settings(max_examples=60)
@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_hostile_names_and_values_stay_values(queue: str, agent: str, contact: str, music: str) -> None:
    def quoted(value: str) -> str:
        plain = "".join(
            letter for letter in value if letter in "\n\t" or (letter >= " " and letter not in "\ufffe\uffff")
        )
        return quoteattr(plain.encode("utf-8", "ignore").decode())

    xml = (
        f'<c><queue name={quoted(queue)}><param name="moh-sound" value={quoted(music)}/>'
        f'<param name="max-wait-time-with-no-agent" value="3"/></queue>'
        f'<agent name={quoted(agent)} type="callback" contact={quoted(contact)} status={quoted(music)}/>'
        f"<tier queue={quoted(queue)} agent={quoted(agent)}/></c>"
    )
    made, remarks = imported(xml)
    found = statements(script(made, remarks, queue))
    plain, told = imported(
        '<c><queue name="q"/><agent name="a" type="callback" contact="user/a"/><tier queue="q" agent="a"/></c>'
    )
    most = statements(script(plain, told))
    assert {each.text.split("(")[0] for each in found} <= {each.text.split("(")[0] for each in most} | {
        each.text.split("(")[0] for each in found if each.text.startswith("delete from queue_skill where")
    }
    assert len(found) <= len(most)
