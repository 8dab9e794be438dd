"""The applications that the stand-in knows, by the name that a dialplan or ``sendmsg`` uses."""

from __future__ import annotations

from fsroute.switchsim.applications import callcenter, calls, conference, control, outbound_socket, sound
from fsroute.switchsim.running import Application

WITHOUT_MEDIA: dict[str, Application] = {
    "answer": calls.answer,
    "pre_answer": calls.pre_answer,
    "ring_ready": calls.ring_ready,
    "hangup": calls.hangup,
    "limit": calls.limit,
    "respond": calls.respond,
    "redirect": calls.redirect,
    "deflect": calls.redirect,
    "transfer": calls.transfer,
    "bridge": calls.bridge,
    "park": calls.park,
    "sched_transfer": calls.sched_transfer,
    "sched_hangup": calls.sched_hangup,
    "socket": outbound_socket.socket,
    "set": control.set_,
    "set_profile_var": control.set_profile_var,
    "unset": control.unset,
    "export": control.export,
    "multiset": control.multiset,
    "multiunset": control.multiunset,
    "log": control.log_,
    "info": control.nothing,
    "event": control.event,
    "sleep": control.sleep,
    "flush_dtmf": control.flush_dtmf,
    "record_session": control.nothing,
    "stop_record_session": control.nothing,
    "block_dtmf": control.nothing,
    "unblock_dtmf": control.nothing,
    "eval": control.nothing,
    "execute_extension": control.execute_extension,
    "bind_digit_action": control.bind_digit_action,
    "digit_action_set_realm": control.digit_action_set_realm,
    "clear_digit_action": control.clear_digit_action,
}

WITH_MEDIA: dict[str, Application] = {
    "playback": sound.playback,
    "endless_playback": sound.endless_playback,
    "loop_playback": sound.loop_playback,
    "play_and_get_digits": sound.play_and_get_digits,
    "play_and_detect_speech": sound.play_and_detect_speech,
    "read": sound.read,
    "say": sound.say,
    "record": sound.record,
    "gentones": sound.gentones,
    "start_dtmf": control.nothing,
    "stop_dtmf": control.nothing,
    "send_dtmf": control.send_dtmf,
    "echo": sound.echo,
    "conference": conference.conference,
    "callcenter": callcenter.callcenter,
    "displace_session": control.nothing,
}

APPLICATIONS: dict[str, tuple[Application, bool]] = {
    **{name: (application, False) for name, application in WITHOUT_MEDIA.items()},
    **{name: (application, True) for name, application in WITH_MEDIA.items()},
}
