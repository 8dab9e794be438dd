"""Errors are logged: of what was refused they tell where and why, and not the row."""

from __future__ import annotations

import psycopg
import pytest

from fsroute.store.faults import translate

SECRET = "+14155550123"


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("insert into customer (contact_center_id, key, value) values ('blue', 'number', %(secret)s),"
         " ('blue', 'number', %(secret)s)", "duplicate key value violates unique constraint"),
        ("insert into customer (contact_center_id, key, value) values ('blue', 'NUMBER', %(secret)s)",
         "violates check constraint"),
        ("insert into customer (contact_center_id, key, value) values (null, 'number', %(secret)s)",
         "null value in column"),
        ("select %(secret)s::text::uuid", "invalid input syntax for type uuid"),
        ("select (chr(91) || chr(34) || %(secret)s || chr(34))::jsonb", "invalid input syntax for type json"),
    ],
)  # fmt: skip
def test_an_error_does_not_quote_what_was_refused(conninfo: str, statement: str, told: str) -> None:
    with psycopg.connect(conninfo, options="-c search_path=fsroute", autocommit=True) as connection:
        connection.execute("insert into contact_center values ('blue', 'Blue')")
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(statement.encode(), {"secret": SECRET})
    assert SECRET in str(caught.value), "PostgreSQL itself quotes it"
    text = str(translate(caught.value, "enter_customer"))
    assert SECRET not in text
    assert text.startswith("enter_customer: ")
    assert told in text


def test_an_error_names_the_row_that_an_operators_file_refers_to_in_vain(conninfo: str) -> None:
    with (
        psycopg.connect(conninfo, options="-c search_path=fsroute", autocommit=True) as connection,
        pytest.raises(psycopg.Error) as caught,
    ):
        connection.execute("insert into queue (contact_center_id, queue) values ('bleu', 'orders')")
    assert "(bleu)" in str(translate(caught.value))
