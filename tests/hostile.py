"""What a hostile caller puts into every field of a call: one list for the stand-in and for a real FreeSWITCH.

Each text tries something that, done, would leave a trace: ``CANARY`` is the value of a global variable of the switch
that no caller may see, and ``{mark}`` a file that no caller may make.
"""

from __future__ import annotations

CANARY = "c4n4ry-of-the-switch"
CANARY_NAME = "fsroute_test_canary"
PWNED = "fsroute_test_pwned"
"""A global variable that nothing sets."""

TEXTS = {
    "a line end and a command": "Bob\n\napi global_setvar {pwned}=yes\n\n",
    "a line end in percent signs and a command": "Bob%0A%0Aapi global_setvar {pwned}=yes%0A%0A",
    "carriage returns and a header": "Bob\r\nX-Injected: yes\r\nEvent-Name: CUSTOM",
    "a variable": "${{{canary}}} $${{{canary}}}",
    "a function": "${{system(touch {mark})}} ${{expr(1+1)}} ${{global_setvar({pwned}=yes)}}",
    "variables of a dial string": "[{pwned}=yes]{{execute_on_answer='system touch {mark}'}}<x=y>",
    "another leg": "x,user/1000|sofia/gateway/pstn/900 :_: loopback/9196",
    "quotes and backslashes": "'\"\\'\\\" ^^:a:b \\n\\n",
    "an application": "'; api global_setvar {pwned}=yes; &system(touch {mark})",
    "an array": "ARRAY::one|:two|:${{{canary}}}",
    "SQL": "'; delete from fsroute.contact; -- \" $$ :x %s %(x)s",
    "a terminal": "\x1b[2J\x1b]0;owned\x07 \u202e\u2028\u0085",
    "a template": "{{{{ caller.__class__ }}}}{{% raw %}}",
    "one that begins with a tilde": "~\n\n-ERR",
    "very long": "A" * 4000,
}


def text(name: str, mark: str = "/nowhere/mark") -> str:
    """A text of the list, with its names filled in."""
    return TEXTS[name].format(canary=CANARY_NAME, pwned=PWNED, mark=mark)


def on_the_wire(value: str) -> str:
    """As SIP can carry it: a line end would end the header, so it comes in percent signs."""
    return "".join(f"%{ord(c):02X}" if ord(c) < 32 or ord(c) == 127 else c for c in value)
