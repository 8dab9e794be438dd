"""What a switch must be told of: the numbers that lead to us, and where other switches are."""

from __future__ import annotations

from fsroute.store.database import Database


def toll_free_numbers(database: Database) -> list[tuple[str, str]]:
    """All numbers, as the network says them, with the names of the companies that are called by them."""
    return [(row["number"], row["name"]) for row in database.run("toll_free_numbers")]


def links_of_other_switches(database: Database, switch_id: str) -> list[str]:
    """``host:port`` of the link profiles of all switches but this one."""
    return [row["link_address"] for row in database.run("links_of_other_switches", switch_id=switch_id)]
