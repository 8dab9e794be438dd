"""The HTTP interface of the routing processor, described (OpenAPI 3.1): ``python -m fsroute.scp.openapi`` prints it."""

from __future__ import annotations

import json
from typing import Any

from fsroute.model.direct import Manner, Policy

_JSON = "application/json"


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(text: str, schema: str, kind: str = _JSON) -> dict[str, Any]:
    return {"description": text, "content": {kind: {"schema": _ref(schema)}}}


def _text(longest: int, text: str) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest, "description": text}


def _object(properties: dict[str, Any], text: str, required: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "description": text,
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


_OR_NULL = ["string", "null"]

_NUMBER_CALLED = {
    "type": "string",
    "pattern": r"^\+?[0-9A-Za-z*#_.-]{1,64}$",
    "description": "The number called, as `number_called` in the database has it.",
}

_CALL = {
    "number_called": _NUMBER_CALLED,
    "caller_number": _text(128, "The caller's number, as rules test it."),
    "caller_name": _text(128, "The caller's display name."),
    "language": _text(16, "The caller's language, `en` where nothing is said."),
    "address": _text(128, "Where the call comes from: an IP address."),
    "call_id": _text(128, "The SIP Call-ID."),
}

_ASKED = {
    **_CALL,
    "contact_id": {
        "type": _OR_NULL,
        "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        "description": "Of the decision before, whose destination did not take the call.",
    },
    "tried": {
        "type": "array",
        "maxItems": 10,
        "items": _text(128, "The `name` of a destination."),
        "description": "Destinations that did not take the call: they are not named again.",
    },
}

_DESTINATION = _object(
    {
        "name": {"type": "string", "description": "For `tried`."},
        "site": {"type": "string"},
        "agent": {"type": _OR_NULL, "description": "Null: whoever serves there, through the site's door."},
        "uri": {
            "type": _OR_NULL,
            "description": "Where to send the call. It serves this call alone, once. Null where nothing was claimed.",
        },
        "expires": {
            "type": ["number", "null"],
            "description": "Seconds in which the INVITE must have come to `uri`; then the agent is free again.",
        },
    },
    "A destination.",
)

_OTHERWISE = {
    **_object(
        {
            "do": {
                "enum": ["ordinary", "queue", "number", "site", "busy"],
                "description": "`ordinary` and `queue`: send the call to a call server of fsroute, which answers it.",
            },
            "number": {"type": _OR_NULL},
            "cause": {"type": _OR_NULL, "description": "FreeSWITCH's hang-up cause."},
            "uri": {"type": _OR_NULL, "description": "The door of the site."},
        },
        "Where the call goes without a destination.",
    ),
    "type": ["object", "null"],
}

_DECISION = _object(
    {
        "why": {"type": "string", "description": "The decision in one line, as it is kept with the contact."},
        "rule": {"type": _OR_NULL, "description": "Null: no rule routes this call before the answer."},
        "policy": {"enum": [*map(str, Policy), None]},
        "manner": {"enum": [*map(str, Manner), None], "description": "What the rule wants."},
        "contact_id": {"type": _OR_NULL, "description": "Null where nothing was claimed."},
        "destinations": {"type": "array", "items": _ref("Destination"), "maxItems": 10},
        "skipped": {
            "type": "array",
            "items": _object({"site": {"type": "string"}, "why": {"type": "string"}}, "A site left out."),
        },
        "otherwise": _ref("Otherwise"),
    },
    "What is to become of a call.",
)

_REFUSALS = {
    "400": _answer("The request is not as it must be.", "Error"),
    "401": _answer("The token is missing or wrong.", "Error"),
    "408": _answer("The body did not come in time.", "Error"),
    "429": _answer("Too many requests.", "Error"),
    "500": _answer("The decision failed.", "Error"),
    "503": _answer("The database cannot be asked now.", "Error"),
}


def _query() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "required": name == "number_called",
            "schema": {key: value for key, value in schema.items() if key != "description"},
            "description": schema["description"],
        }
        for name, schema in _CALL.items()
    ]


_SECURED: list[dict[str, list[str]]] = [{"bearer": []}, {"basic": []}]

DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "fsroute routing processor",
        "version": "1",
        "description": "Where a call goes that nobody has answered yet, for OpenSIPS, Kamailio and mod_xml_curl.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "servers": [{"url": "http://127.0.0.1:8087"}],
    "paths": {
        "/v1/health": {
            "get": {
                "operationId": "health",
                "summary": "Whether the processor answers.",
                "security": [],
                "responses": {"200": _answer("It does.", "Health")},
            }
        },
        "/v1/decisions": {
            "post": {
                "operationId": "decide",
                "summary": "Where a call goes: the first destination is claimed for it.",
                "security": _SECURED,
                "requestBody": {"required": True, "content": {_JSON: {"schema": _ref("Call")}}},
                "responses": {"200": _answer("The decision.", "Decision"), **_REFUSALS},
            },
            "get": {
                "operationId": "explain",
                "summary": "What would be decided now; nothing is claimed.",
                "security": _SECURED,
                "parameters": _query(),
                "responses": {"200": _answer("The decision.", "Decision"), **_REFUSALS},
            },
        },
        "/v1/dialplan": {
            "post": {
                "operationId": "dialplan",
                "summary": "The decision as a dialplan, for mod_xml_curl (binding `dialplan`).",
                "security": _SECURED,
                "requestBody": {
                    "required": True,
                    "content": {"application/x-www-form-urlencoded": {"schema": _ref("XmlCurl")}},
                },
                "responses": {
                    "200": _answer(
                        "An extension, or `not found`: the switch's own dialplan.", "Xml", "text/xml"
                    ),
                    **_REFUSALS,
                },
            }
        },
    },
    "components": {
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {
                "type": "http",
                "scheme": "basic",
                "description": "Any user, the token as the password.",
            },
        },
        "schemas": {
            "Call": _object(_ASKED, "A call.", ["number_called"]),
            "Decision": _DECISION,
            "Destination": _DESTINATION,
            "Otherwise": _OTHERWISE,
            "Health": _object({"status": {"const": "ok"}}, "It answers."),
            "Error": _object({"error": {"type": "string"}}, "What is wrong."),
            "Xml": {"type": "string"},
            "XmlCurl": {
                "type": "object",
                "description": "As mod_xml_curl sends it: all variables of the channel; these are read.",
                "properties": {
                    "section": {"type": "string"},
                    "Caller-Destination-Number": {"type": "string"},
                    "Caller-Caller-ID-Number": {"type": "string"},
                    "Caller-Caller-ID-Name": {"type": "string"},
                    "Caller-Network-Addr": {"type": "string"},
                    "Caller-Context": {"type": "string"},
                    "variable_sip_call_id": {"type": "string"},
                },
                "additionalProperties": True,
            },
        },
    },
}


def text() -> str:
    """The description as a file."""
    return json.dumps(DESCRIPTION, indent=2) + "\n"


if __name__ == "__main__":
    print(text(), end="")
