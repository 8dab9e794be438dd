from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from fsroute.config import Config, Secret, convert, load, parse
from fsroute.install.settings import SwitchSettings

DOCS = Path(__file__).resolve().parents[3] / "docs"


def _keys(table: dict[str, Any]) -> set[str]:
    deeper = {
        f"{key}.{name}" for key, value in table.items() if isinstance(value, dict) for name in _keys(value)
    }
    return set(table) | deeper


def _fields(struct: msgspec.Struct) -> set[str]:
    found: set[str] = set()
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        found |= {name} | (
            {f"{name}.{field}" for field in _fields(value)} if isinstance(value, msgspec.Struct) else set()
        )
    return found


def test_the_example_configuration_shows_every_key_with_its_default() -> None:
    text = (DOCS / "fsroute.toml").read_text(encoding="utf-8")
    assert parse(text) == Config()
    assert _keys(tomllib.loads(text)) == _fields(Config())


def test_the_example_of_a_switch_shows_every_setting_with_its_default() -> None:
    text = (DOCS / "switch.toml").read_text(encoding="utf-8")
    defaults = SwitchSettings(event_socket_password=Secret("change-me"))
    assert convert(text, SwitchSettings, "switch.toml") == defaults
    assert _keys(tomllib.loads(text)) == _fields(defaults)


def test_the_examples_of_applications_from_a_remote_center_can_be_used(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (DOCS / "appserver.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for name in ("north.secret", "crm.conninfo", "crm.token"):
        (tmp_path / name).write_text("what only two sites know\n")
    found = []
    for block in blocks:
        (tmp_path / "fsroute.toml").write_text(block)
        found.append(load(tmp_path / "fsroute.toml", {"HOME": "/home/ann"}))
    server, (source,) = found[0].appserver, found[1].applications_from
    assert server.sites[0].secret == source.secret == Secret("what only two sites know")
    assert server.sites[0].contact_centers == source.contact_centers
    assert [lookup.kind for lookup in server.lookups] == ["sql", "http"]
    assert server.published == str(tmp_path / "published")
    assert source.keys == str(tmp_path / "keys")
    assert server.lookups[1].authorization
    assert _fields(source) - {"secret"} == _keys(tomllib.loads(blocks[1])["applications_from"][0])


def test_the_example_of_customers_can_be_used(tmp_path: Path) -> None:
    [block] = re.findall(r"```toml\n(.*?)```", (DOCS / "customers.md").read_text(encoding="utf-8"), re.DOTALL)
    for name in ("crm.conninfo", "shop.token"):
        (tmp_path / name).write_text("secret\n")
    (tmp_path / "fsroute.toml").write_text(block)
    table, sql, http = load(tmp_path / "fsroute.toml", {"HOME": "/home/ann"}).customers
    assert (table.kind, sql.kind, http.kind) == ("table", "sql", "http")
    assert sql.statement == str(tmp_path / "customer.sql")
    assert sql.database == http.authorization == Secret("secret")
    text = (DOCS / "customers.md").read_text(encoding="utf-8")
    for name in _fields(table):
        assert f"`{name}`" in text
