"""Database roles of the parts, and of contact centers, on a real server: who may do what, and nobody more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from fsroute.errors import FsrouteError, StoreError
from fsroute.store.connection import as_role
from fsroute.store.database import Database
from fsroute.store.embedded import administrator
from fsroute.store.loading import Loader
from fsroute.store.migrate import Migration, migrate, migrations
from fsroute.store.queries import queries
from fsroute.store.store import Store
from tests.fix_center import CENTER, Center
from tests.fix_database import perform

PARTS = ("callserver", "coordinator", "acd", "cti", "scp", "appserver")
ROLES = (*PARTS, "operator", "reader", "center")

WRITES = """
acd          agent                UPDATE
acd          agent_command        DELETE UPDATE
acd          agent_event          INSERT
acd          contact_event        INSERT
acd          lease                INSERT UPDATE
acd          proxy_call           UPDATE
acd          site                 INSERT
acd          switch               INSERT UPDATE
acd          system_event         INSERT
callserver   admission_refusal    INSERT
callserver   admission_share      DELETE
callserver   agent_command        DELETE
callserver   application_version  DELETE INSERT UPDATE
callserver   contact              UPDATE
callserver   contact_event        INSERT
callserver   contact_personal     UPDATE
callserver   erased_recording     DELETE
callserver   site                 INSERT
callserver   switch               INSERT UPDATE
callserver   voice_message        INSERT UPDATE
coordinator  lease                INSERT UPDATE
coordinator  proxy_call           UPDATE
coordinator  system_event         INSERT
cti          lease                INSERT UPDATE
cti          site                 INSERT
cti          switch               INSERT UPDATE
scp          admission_refusal    INSERT
scp          admission_share      DELETE
scp          agent_taken          DELETE
scp          contact              UPDATE
scp          contact_event        INSERT
scp          direct_call          DELETE
scp          rule_shares          DELETE
scp          site                 INSERT
scp          switch               INSERT UPDATE
"""
"""All that parts write by themselves; everything else goes through functions."""

PERSONAL = {
    "contact_personal": {"callserver", "acd", "scp", "operator", "center"},
    "voice_message": {"callserver", "operator", "center"},
    "customer": {"callserver", "scp", "operator", "center"},
    "agent_command": {"callserver", "acd", "operator"},
    "erased_recording": {"callserver", "operator"},
    "pin_attempt": {"operator"},
}
"""Who may read what is somebody's number, name or words."""


@dataclass
class House:
    """A database with roles, as its owner sees it."""

    conninfo: str
    administrator: str

    @contextmanager
    def session(self, role: str = "", owner: bool = True) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        conninfo = self.conninfo if owner else self.administrator
        with psycopg.connect(
            conninfo,
            autocommit=True,
            row_factory=dict_row,
            options=f"-c search_path=fsroute {role and f'-c role={role}'}",
        ) as connection:
            yield connection

    def rows(self, role: str, statement: str) -> list[dict[str, Any]]:
        """What a role gets by a statement."""
        with self.session(role, owner=False) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def template(postgres: str, migrated_template: str) -> Iterator[str]:
    """The name of a database with roles, to be copied."""
    if "passfile" not in conninfo_to_dict(postgres):
        pytest.skip("FSROUTE_TEST_DATABASE is of a role that makes no roles")
    name = f"{migrated_template}_roles"
    perform(postgres, f"create database {name} template {migrated_template} strategy file_copy")
    migrate(administrator(make_conninfo(postgres, dbname=name)), roles=True)
    yield name
    perform(postgres, f"drop database {name} with (force)")


@pytest.fixture
def house(template: str, new_database: Callable[[str], str]) -> House:
    conninfo = new_database(template)
    return House(conninfo, administrator(conninfo))


@pytest.fixture
def centers(house: House) -> House:
    with house.session() as connection:
        connection.execute(CENTER.encode())
    return house


def opened(house: House, part: str) -> Database:
    return Database(as_role(house.administrator, f"fsroute_{part}"), min_size=1, max_size=2)


# Made once, and again ------------------------------------------------------------------------------------


def test_roles_are_made_once_and_granted_the_same_again(house: House) -> None:
    before = rights(house)
    assert migrate(house.administrator, roles=True) == []
    assert rights(house) == before


def test_the_owner_grants_anew_after_a_migration_without_being_the_administrator(house: House) -> None:
    with house.session() as connection:
        connection.execute("grant delete on contact to fsroute_callserver")
        connection.execute("revoke select on queue from fsroute_part")
    newest = migrations()
    table = Migration(len(newest) + 1, "another", b"create table fsroute.another (id int)")
    before = {right for right in rights(house) if right[:2] != ("callserver", "contact")}
    migrate(house.conninfo, [*newest, table])
    after = rights(house)
    assert ("callserver", "contact", "DELETE") not in after
    assert ("acd", "queue", "SELECT") in after
    assert before <= after


def test_who_may_not_make_roles_is_told_who_may(house: House) -> None:
    with pytest.raises(StoreError, match=r"administrator to make.*permission denied"):
        migrate(as_role(house.administrator, "fsroute_operator"), roles=True)


def test_a_part_starts_on_a_database_that_is_up_to_date_and_is_told_of_one_that_is_not(house: House) -> None:
    part = as_role(house.administrator, "fsroute_callserver")
    assert migrate(part) == []
    newest = migrations()
    missing = Migration(len(newest) + 1, "another", b"create table fsroute.another (id int)")
    with pytest.raises(StoreError, match=r"another is missing, and is its schema's owner's to apply"):
        migrate(part, [*newest, missing])


def test_without_roles_nothing_is_granted_to_anybody(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "select relname from pg_class where relnamespace = 'fsroute'::regnamespace"
            " and (relrowsecurity or relacl is not null)"
        ).fetchall()
    assert rows == []


# The least rights ------------------------------------------------------------------------------------------


def rights(house: House) -> set[tuple[str, str, str]]:
    """(role, table, right) for whole tables and for columns alike."""
    text = """
        select r.rolname as role, c.relname as relation, k.kind
          from pg_roles r, pg_class c, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES',
                                                    'TRIGGER']) as k (kind)
         where r.rolname like 'fsroute\\_%' and r.rolname <> 'fsroute_part'
           and c.relnamespace = 'fsroute'::regnamespace and c.relkind in ('r', 'v')
           and (has_table_privilege(r.oid, c.oid, k.kind)
                or k.kind in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                   and has_any_column_privilege(r.oid, c.oid, k.kind))
    """
    with house.session() as connection:
        rows = connection.execute(text.encode()).fetchall()
    return {(row["role"].removeprefix("fsroute_"), row["relation"], row["kind"]) for row in rows}


def test_parts_write_what_the_table_says_and_nothing_else(house: House) -> None:
    wanted = set()
    for line in WRITES.strip().splitlines():
        role, relation, *kinds = line.split()
        wanted |= {(role, relation, kind) for kind in kinds}
    found = {right for right in rights(house) if right[0] in PARTS and right[2] != "SELECT"}
    assert found == wanted


def test_nobody_but_the_owner_changes_the_ledger_or_a_table(house: House) -> None:
    ledger = {"contact_event", "agent_event", "system_event"}
    forbidden = {
        right
        for right in rights(house)
        if (right[1] in ledger and right[2] not in ("SELECT", "INSERT"))
        or right[2] in ("TRUNCATE", "REFERENCES", "TRIGGER")
    }
    assert forbidden == set()


def test_readers_and_contact_centers_write_nothing(house: House) -> None:
    found = {
        right
        for right in rights(house)
        if right[0] in ("reader", "center", "appserver") and right[2] != "SELECT"
    }
    assert found == set()


@pytest.mark.parametrize("table", PERSONAL)
def test_personal_data_is_read_by_those_who_need_it(house: House, table: str) -> None:
    readers = {role for role, relation, kind in rights(house) if relation == table and kind == "SELECT"}
    assert readers == PERSONAL[table]


def test_the_text_of_a_pin_is_nobody_s_to_read_but_the_operator_s(house: House) -> None:
    text = """
        select has_column_privilege(r.oid, 'agent', 'pin_hash', 'SELECT') as may, rolname
          from pg_roles r where rolname like 'fsroute\\_%'
    """
    with house.session() as connection:
        rows = connection.execute(text.encode()).fetchall()
    assert {row["rolname"] for row in rows if row["may"]} == {"fsroute_operator"}


def test_functions_are_for_those_who_call_them_and_find_nothing_of_a_caller_s(house: House) -> None:
    text = """
        select proname, prosecdef, proconfig, has_function_privilege('fsroute_reader', oid, 'EXECUTE') as reader,
               has_function_privilege('fsroute_center', oid, 'EXECUTE') as center,
               coalesce(array_to_string(proacl, ' ') ~ '(^| )=X', true) as everybody
          from pg_proc
         where pronamespace = 'fsroute'::regnamespace and proname not in ('append_only', 'let_center_read')
    """
    with house.session() as connection:
        rows = connection.execute(text.encode()).fetchall()
    assert rows
    for row in rows:
        assert row["prosecdef"], row
        assert "search_path=fsroute, pg_temp" in row["proconfig"], row
        assert (row["reader"], row["center"], row["everybody"]) == (False, False, False), row


def test_a_table_of_a_caller_s_own_does_not_stand_before_fsroute_s(centers: House) -> None:
    with centers.session("fsroute_callserver", owner=False) as connection:
        connection.execute("create temporary table agent as select * from (values ('ann')) as a (agent_id)")
        rows = connection.execute("select status from agent_log_on('ann')").fetchall()
    assert rows[0]["status"] == "available"


DENIED = [
    ("callserver", "select * from reserve_agent(7, 1, 'ann', 'x', '{}')"),
    ("callserver", "update proxy_call set state = 'ended'"),
    ("callserver", "select pin_hash from agent"),
    ("callserver", "insert into rules_version values (1, now(), 'x', 'x', 'x', '{}')"),
    ("callserver", "select * from agent_event"),
    ("callserver", "select erase_caller('{}', null, 'x', gen_random_uuid())"),
    ("coordinator", "select * from contact_personal"),
    ("coordinator", "select * from agent_log_on('ann')"),
    ("coordinator", "update agent set status = 'available'"),
    ("acd", "select * from reserve_agent(7, 1, 'ann', 'x', '{}')"),
    ("acd", "update agent set status = 'available'"),
    ("acd", "select pin_hash from agent"),
    ("acd", "delete from contact_event"),
    ("cti", "select * from contact_personal"),
    ("cti", "select * from move_proxy_call(1,'x','{}','{}',null,null,null,null,null,null,null,null,'{}','{}')"),
    ("cti", "delete from site_activity"),
    ("scp", "select * from agent_log_on('ann')"),
    ("scp", "update contact_personal set facts = '{}'"),
    ("appserver", "select * from customer"),
    ("appserver", "select * from contact"),
    ("operator", "update proxy_call set state = 'ended'"),
    ("operator", "delete from contact_event"),
    ("operator", "select * from reserve_agent(7, 1, 'ann', 'x', '{}')"),
    ("reader", "select way from proxy_call"),
    ("reader", "select address from agent"),
    ("reader", "select * from proxy_call_detail"),
    ("center", "select * from proxy_call_detail"),
    ("center", "select * from agent"),
    ("center", "select * from rules_version"),
    ("center", "select * from system_event"),
    ("center", "insert into customer (contact_center_id, key, value) values ('blue', 'number', '+1')"),
]  # fmt: skip


@pytest.mark.parametrize(("role", "statement"), DENIED)
def test_what_is_another_s_is_denied(centers: House, role: str, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        centers.rows(f"fsroute_{role}", statement)


def test_a_lease_is_taken_by_the_part_that_it_is_of(centers: House) -> None:
    take = "update lease set holder = 'me' where name = 'coordinator' returning name"
    enter = "insert into lease (name, holder, epoch, expires_at) values ('{}', '', 0, now()) returning name"
    assert centers.rows("fsroute_acd", take) == []
    with pytest.raises(InsufficientPrivilege):
        centers.rows("fsroute_cti", enter.format("switch:x"))
    assert centers.rows("fsroute_cti", enter.format("cti:x")) == [{"name": "cti:x"}]


# A contact through its life, each step as its part -----------------------------------------------------------------


STATEMENTS = {
    "callserver": (
        "admission_limits share_admission give_admission_back note_refusals numbers_called switch_codecs"
        " number_called is_number_called contact_centers_served open_contact contact contact_of_channel"
        " learn_facts know_customer log_contact close_contact live_contacts_of_switch send_contact_away"
        " caller_of_contact keep_application_state take_over_contact application_state keep_voice_message"
        " route_proxy_call request_proxy_call proxy_call latest_proxy_call"
        " live_proxy_calls_of_caller_switch move_proxy_call last_reserved_switch callback_of_caller"
        " rules_newest rules_newest_document rules_queues rules_version closed_contact_centers"
        " customer_facts register_switch see_switch switches report_application forget_applications"
        " forget_application agent_log_on agent_stand agent_log_off agent_break agent_ready"
        " agent_end_wrap_up agent_extend_wrap_up agent_outcome agent_pin_attempt agent_pin_checked"
        " pin_attempt_begins pin_attempt_over agent_of_extension agents_of_phone break_reason clock"
        " notify heartbeat route_consultation"
    ),
    "coordinator": (
        "switches_unattended switch_away"
        " agents agent_versions live_proxy_call_versions live_proxy_calls proxy_calls proxy_call"
        " move_proxy_call reserve_agent write_progress recent_handling log_leader_begins"
        " rules_network_rates closed_contact_centers rules_newest rules_queues lease_prepare lease_look"
        " lease_take lease_renew lease_resign last_reserved_switch"
    ),
    "acd": (
        "switch_away switch_back switch_codecs"
        " proxy_call proxy_calls latest_proxy_call proxy_call_of_agent_leg proxy_call_of_token"
        " live_proxy_calls_of_agent_switch live_proxy_calls_of_other_acds move_proxy_call agent_left"
        " write_progress standing_agents standing_leg_up standing_leg_lost agent_announcement"
        " register_switch see_switch agents log_contact take_agent_command waiting_agent_commands"
        " finish_agent_command transfer_agent transfer_queue transfer_caller pause_after_transfer"
        " open_consultation route_consultation consultation_of complete_consultation"
        " completed_consultations log_refused_legs last_reserved_switch reservation_ended agent_states members_of_queue"
        " lease_prepare lease_look lease_take lease_renew lease_resign contact"
    ),
    "cti": (
        "begin_activity write_activity activity_calls activity_intervals activity_marks activity_windows"
        " own_activity own_states proxy_calls_unseen newest_proxy_call roll_up_activity proxy_calls"
        " live_proxy_calls_of_caller_switch register_switch lease_prepare lease_look lease_take"
        " lease_renew lease_resign activity_heads"
    ),
    "scp": (
        "doors site_capacities switches_seen take_agent untake_agent agents_taken forget_agents_taken"
        " direct_call rule_credits forget_rule_shares queue_directed decision_of_contact overdue_direct_calls"
        " forget_direct_calls agents_concerned agents activity_changes activity_heads open_contact"
        " contact close_contact route_proxy_call latest_proxy_call proxy_call move_proxy_call"
        " number_called rules_newest customer_facts register_switch send_contact_away rules_queues"
        " closed_contact_centers"
    ),
    "operator": (
        "rules_document rules_empty rules_write rules_restore rules_restore_queues rules_restore_acds"
        " rules_forget_queue_skills rules_sites rules_versions rules_contacts_of_versions rules_in_force"
        " rules_lock contact_centers close_contact_center open_contact_center customers_forget"
        " customers_count agent_states agent_log_on agent_set_pin ask_agent agent_command_result"
        " status_queues status_leases application_versions activity_changes agents audit_contact_events"
        " audit_agent_events audit_system_events audit_leadership erase_contact caller_numbers"
        " caller_contacts erase_caller erased_recordings forget_erased_recording"
    ),
    "reader": (
        "status_queues status_leases application_versions activity_heads audit_now audit_first_events"
        " audit_contact_events audit_agent_events audit_agent_events_before audit_reservations_before"
        " audit_qualified audit_system_events audit_leadership audit_undeclared_agents"
        " audit_open_contacts audit_contacts_before audit_live_proxy_calls audit_live_reservations"
        " rules_versions contact_centers simulation_first_event simulation_events switches"
    ),
}  # fmt: skip
"""What each part performs, by the names of sql/queries; the flows of whole calls hold it against the program."""


DOCUMENTS = {"facts", "customer", "network"}
"""Parameters whose type a statement leaves to the driver."""


@pytest.mark.parametrize("role", STATEMENTS)
def test_each_part_may_perform_its_statements(house: House, role: str) -> None:
    """Planned, not performed: rights are checked all the same."""
    refused = []
    with house.session(f"fsroute_{role}", owner=False) as connection:
        for name in STATEMENTS[role].split():
            text = queries()[name].text
            values = {key: Jsonb({}) if key in DOCUMENTS else None for key in _parameters(text)}
            prefix = b"" if text.startswith((b"lock ", b"set ")) else b"explain "
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(prefix + text, values, prepare=False)
            except InsufficientPrivilege as error:
                refused.append(f"{name}: {error.diag.message_primary}")
            except psycopg.errors.IndeterminateDatatype as error:
                pytest.fail(f"{name}: {error}")
    assert refused == []


def _parameters(text: bytes) -> set[str]:
    return {found.decode() for found in re.findall(rb"%\((\w+)\)s", text)}


# Contact centers ---------------------------------------------------------------------------------------------------


OWN = frozenset(
    """
    contact_center queue queue_skill number_called customer calendar opening_hours holiday
    routing_rule routing_rule_fact routing_rule_skill routing_rule_direct rule_step outcome_code
    agent_authorization contact contact_personal voice_message proxy_call reservation contact_event
    agent_event application_version site_door
    admission_limit admission_share admission_refusal rule_shares
    """.split()  # noqa: SIM905
)

GREEN = """
insert into queue_skill values ('green', 'travel', 'travel', 1);
insert into number_called values ('8005550199', 'green', 'orders');
insert into customer (contact_center_id, key, value)
    values ('blue', 'number', '+14155550123'), ('green', 'number', '+14155550124');
insert into calendar (contact_center_id, calendar) values ('blue', 'office'), ('green', 'office');
insert into opening_hours select contact_center_id, 'office', 1, '09:00', '17:00' from calendar;
insert into holiday select contact_center_id, 'office', '2026-12-25', 'Christmas' from calendar;
insert into routing_rule (contact_center_id, rule, ordinal) values ('blue', 'all', 1), ('green', 'all', 1);
insert into routing_rule_fact select contact_center_id, rule, 'order', '.*' from routing_rule;
insert into routing_rule_skill select contact_center_id, rule, 'orders' from routing_rule;
insert into routing_rule_direct (contact_center_id, rule) select contact_center_id, rule from routing_rule;
insert into rule_step (contact_center_id, rule, ordinal, after_s, step)
    select contact_center_id, rule, 1, 10, 'priority' from routing_rule;
insert into outcome_code select contact_center_id, '1', 'sold' from contact_center;
insert into agent_authorization (agent_id, contact_center_id) values ('bob', 'green');
insert into site_door select 'east', contact_center_id, 'away', 'sip:1@x' from contact_center;
insert into application_version (switch_id, source, name, contact_center_id, state, message)
    select 'home', contact_center_id, 'orders', contact_center_id, 'serving', '' from contact_center;
insert into admission_limit (contact_center_id, calls) select contact_center_id, 5 from contact_center;
insert into admission_share (scope, process, contact_center_id, switch_id, present, demand, expires_at)
    select 'center:' || contact_center_id, 'p', contact_center_id, 'home', 0, 0, now() from contact_center;
insert into admission_refusal (switch_id, contact_center_id, number_called, scope, reason, treatment, calls)
    select 'home', contact_center_id, '1', 'site:west', 'calls', 'busy', 1 from contact_center;
insert into rule_shares (contact_center_id, rule) select contact_center_id, 'all' from contact_center;
insert into voice_message (contact_id, contact_center_id, path, duration_s)
    select contact_id, contact_center_id, '/x.wav', 1 from contact;
"""


@pytest.fixture
def company(centers: House) -> Iterator[Callable[[str], str]]:
    """A login of a contact center's own: its connection string."""
    made: list[str] = []

    def login(center: str) -> str:
        name = f"reader_{center}_{uuid4().hex[:8]}"
        with centers.session(owner=False) as connection:
            connection.execute(f"create role {name} login password 'only-{name}'".encode())
            connection.execute("select let_center_read(%s, %s)", (center, name))
        made.append(name)
        given: dict[str, Any] = conninfo_to_dict(centers.conninfo) | {
            "user": name,
            "password": f"only-{name}",
        }
        given.pop("passfile", None)
        return make_conninfo(**given)

    yield login
    with centers.session(owner=False) as connection:
        for name in made:
            connection.execute(f"drop role {name}".encode())


def contacts_of_both(house: House) -> dict[str, str]:
    with Database(house.conninfo) as database, house.session() as connection:
        center = Center(database, connection)
        blue, green = center.ready(), center.contact("green")
        center.proxy_calls.request(green, "travel")
        connection.execute(GREEN.encode())
        connection.execute(
            "insert into reservation (agent_id, slot, proxy_call_id, contact_id, contact_center_id, agent_switch_id,"
            " agent_leg_uuid, epoch, ended_at)"
            " select 'bob', 1, proxy_call_id, contact_id, 'green', 'home', 'g', 7, now()"
            " from proxy_call where contact_center_id = 'green'"
        )
        connection.execute(
            "insert into agent_event (agent_id, contact_center_id, kind) values ('bob', 'green', 'released')"
        )
        return {"blue": blue.contact_id, "green": green}


def test_a_contact_center_reads_its_own_rows_and_nobody_else_s(
    centers: House, company: Callable[[str], str]
) -> None:
    contacts_of_both(centers)
    with psycopg.connect(company("green"), options="-c search_path=fsroute") as connection:
        for table in OWN:
            found = connection.execute(f"select distinct contact_center_id from {table}".encode()).fetchall()
            assert found == [("green",)], table
    with centers.session() as owner:
        for table in OWN:
            (row,) = owner.execute(
                f"select count(distinct contact_center_id) as centers from {table}".encode()
            ).fetchall()
            assert row["centers"] == 2, f"{table} has rows of both, else the above shows nothing"


def test_every_table_with_a_contact_center_is_one_of_those_or_nobody_reads_it(centers: House) -> None:
    text = """
        select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'contact_center_id'
         where c.relnamespace = 'fsroute'::regnamespace and c.relkind = 'r'
    """
    with centers.session() as connection:
        tables = {row["relname"] for row in connection.execute(text.encode()).fetchall()}
    assert tables - {"center_reader"} == OWN


def test_a_contact_center_cannot_make_itself_another(centers: House, company: Callable[[str], str]) -> None:
    contacts_of_both(centers)
    with psycopg.connect(company("green"), autocommit=True, options="-c search_path=fsroute") as connection:
        for statement in (
            "update center_reader set contact_center_id = 'blue'",
            "insert into center_reader values (current_user, 'blue')",
            "select let_center_read('blue', current_user)",
            "set role fsroute_part",
            "set role fsroute",
            "select count(*) from contact_personal where contact_center_id = 'blue' and pg_sleep(0) is not null",
        ):
            try:
                rows = connection.execute(statement.encode())
            except InsufficientPrivilege:
                continue
            assert rows.fetchall() == [(0,)], statement


def test_a_reader_of_a_contact_center_may_be_one_of_several_and_no_longer(
    centers: House, company: Callable[[str], str]
) -> None:
    contacts_of_both(centers)
    conninfo = company("green")
    name = conninfo_to_dict(conninfo)["user"]
    count = b"select count(distinct contact_center_id) from fsroute.contact"
    with psycopg.connect(conninfo, autocommit=True) as reader, centers.session(owner=False) as owner:
        owner.execute("select let_center_read('blue', %s)", (name,))
        assert reader.execute(count).fetchall() == [(2,)]
        for center in ("blue", "green"):
            owner.execute("select stop_center_reading(%s, %s)", (center, name))
        assert reader.execute(count).fetchall() == [(0,)]


@pytest.mark.parametrize("role", ["postgres", "fsroute", "fsroute_operator", "nobody_of_this_name"])
def test_who_sees_more_than_one_contact_center_is_no_reader_of_one(centers: House, role: str) -> None:
    with (
        centers.session(owner=False) as connection,
        pytest.raises(psycopg.Error, match=r"more than one|no database role"),
    ):
        connection.execute("select let_center_read('blue', %s)", (role,))


def test_statistics_of_all_centers_are_a_reader_s_without_personal_data(centers: House) -> None:
    contacts_of_both(centers)
    rows = centers.rows("fsroute_reader", "select distinct contact_center_id from contact order by 1")
    assert [row["contact_center_id"] for row in rows] == ["blue", "green"]
    for table in ("contact", "contact_event", "agent_event", "reservation", "system_event"):
        text = str(centers.rows("fsroute_reader", f"select * from {table}"))
        assert "+4930111" not in text
        assert "Ms. Caller" not in text


def test_a_store_beside_another_is_of_another_role(centers: House) -> None:
    from fsroute.store.signals import Signals

    with Database(centers.administrator, min_size=1) as base, opened(centers, "coordinator") as narrow:
        beside = Store(base, Signals(base)).beside(narrow)
        assert beside.agents.versions().keys() == {"ann", "bob"}
        with pytest.raises(StoreError, match="permission denied"):
            beside.contacts.application_state(str(uuid4()))


# A file of rules is performed with its operator's rights ------------------------------------------------


HOSTILE_FILES = [
    "do $$ begin commit; end $$",
    "do $$ begin execute 'commit'; end $$",
    "copy (select 1) to program 'touch /tmp/made-by-a-rules-file'",
    "select pg_read_file('/etc/passwd')",
    "select lo_import('/etc/passwd')",
    "set role postgres",
    "set session authorization postgres",
    "update contact_event set kind = 'x'",
    "update proxy_call set state = 'ended'",
    "delete from rules_version",
    "select * from reserve_agent(7, 1, 'ann', 'x', '{}')",
    "do $$ begin create table mine (id int); end $$",
    "do $$ begin execute 'grant fsroute_part to ' || current_user; end $$",
]


@pytest.mark.parametrize("text", HOSTILE_FILES)
def test_a_file_of_rules_does_nothing_that_its_operator_may_not(centers: House, text: str) -> None:
    with opened(centers, "operator") as database:
        loader = Loader(database, frozenset({"longest_idle"}), {})
        with pytest.raises(FsrouteError):
            loader.load(f"insert into region values ('west', '1');\n{text};\n", "evil.sql", "mallory")
    with centers.session() as connection:
        assert connection.execute("select * from region").fetchall() == []
        assert connection.execute("select * from rules_version").fetchall() == []


def test_an_operator_loads_rules_without_owning_the_schema(centers: House) -> None:
    with opened(centers, "operator") as database:
        loader = Loader(database, frozenset({"longest_idle"}), {})
        loaded = loader.load("insert into region values ('west', '1');", "rules.sql", "olga")
        assert loaded.version == 1
        assert loader.load("insert into region values ('west', '2');", "rules.sql", "olga").version == 2
        assert loader.roll_back(1, "olga") == (3, True)
