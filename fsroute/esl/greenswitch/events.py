"""What greenswitch calls an event: any message, with its headers in a dictionary."""

from __future__ import annotations

from urllib.parse import unquote

from fsroute.esl.messages import API_RESPONSE, COMMAND_REPLY, EVENT_PLAIN, Event, Message


class ESLEvent:
    """A message from FreeSWITCH; `headers` is built when it is first asked for.

    `data` is the reply's text for a command, the output for ``api``, else the body.
    """

    def __init__(self, data: str | Message) -> None:
        self.data: str | None = None
        self._headers: dict[str, str] | None = None
        self._message: Message | None = None
        if isinstance(data, Message):
            self._message = data
            self.data = _data(data)
        else:
            self.parse_data(data)

    @property
    def headers(self) -> dict[str, str]:
        if self._headers is None:
            self._headers = {} if self._message is None else _headers(self._message)
        return self._headers

    def get(self, name: str) -> str | None:
        """One header, without building the dictionary."""
        if self._headers is None and self._message is not None:
            return self._message.get(name)
        return self.headers.get(name)

    @property
    def content_type(self) -> str:
        return (
            self._message.content_type if self._message is not None else self.headers.get("Content-Type", "")
        )

    def parse_data(self, data: str) -> None:
        """Add the headers that `data` holds, one a line; other lines continue the one before."""
        name = ""
        for line in data.strip().splitlines():
            key, colon, value = line.partition(": ")
            if colon:
                name = key.strip()
                self.headers[name] = unquote(value, errors="replace").strip()
            elif name:
                self.headers[name] += "\n" + unquote(line, errors="replace")


def _headers(message: Message) -> dict[str, str]:
    headers = {name: value.strip() for name, value in message.headers().items()}
    if isinstance(message, Event) and message.content_type == EVENT_PLAIN:
        headers.setdefault("Content-Type", message.content_type)
    return headers


def _data(message: Message) -> str | None:
    if message.content_type == COMMAND_REPLY:
        return message.reply_text
    if message.body or message.content_type == API_RESPONSE:
        return message.body.decode("utf-8", "replace")
    return None
