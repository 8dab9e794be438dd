"""The api commands that the stand-in knows: name → function of the switch and the argument text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fsroute.switchsim.api import callcenter, calls, core

if TYPE_CHECKING:
    from fsroute.switchsim.switch import Switch

Api = Callable[["Switch", str], str]

APIS: dict[str, Api] = {
    "status": core.status,
    "version": core.version,
    "hostname": lambda switch, _: switch.name,
    "global_getvar": core.global_getvar,
    "global_setvar": core.global_setvar,
    "create_uuid": lambda switch, _: switch.new_uuid(),
    "show": core.show,
    "callcenter_config": callcenter.callcenter_config,
    "reloadxml": core.reloadxml,
    "strftime": core.strftime,
    "echo": lambda _, argument: argument,
    "expand": core.expand_,
    "eval": core.eval_,
    "module_exists": core.module_exists,
    "xml_locate": core.xml_locate,
    "file_exists": core.file_exists,
    "acl": core.acl,
    "fsctl": core.fsctl,
    "sofia": core.sofia,
    "sched_del": core.sched_del,
    "sched_transfer": calls.sched_transfer,
    "sched_hangup": calls.sched_hangup,
    "originate": calls.originate_,
    "hupall": calls.hupall,
    "uuid_exists": calls.uuid_exists,
    "uuid_kill": calls.uuid_kill,
    "uuid_getvar": calls.uuid_getvar,
    "uuid_setvar": calls.uuid_setvar,
    "uuid_setvar_multi": calls.uuid_setvar_multi,
    "uuid_dump": calls.uuid_dump,
    "uuid_redirect": calls.uuid_redirect,
    "uuid_answer": calls.uuid_answer,
    "uuid_pre_answer": calls.uuid_pre_answer,
    "uuid_ring_ready": calls.uuid_ring_ready,
    "uuid_bridge": calls.uuid_bridge,
    "uuid_transfer": calls.uuid_transfer,
    "uuid_dual_transfer": calls.uuid_dual_transfer,
    "uuid_break": calls.uuid_break,
    "uuid_park": calls.uuid_park,
    "uuid_broadcast": calls.uuid_broadcast,
    "uuid_send_dtmf": calls.uuid_send_dtmf,
    "uuid_recv_dtmf": calls.uuid_recv_dtmf,
    "uuid_flush_dtmf": calls.uuid_flush_dtmf,
}
