"""Voice messages as files: each recording has one of its own, in the folder that the switch records into.

FreeSWITCH begins a recording by emptying the file of that name [switch_ivr_record_file]. So a second recording of a
contact does not go where the first message lies: it may turn out to be no message at all.
"""

from __future__ import annotations

import logging
import re
from itertools import count
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER_MODE = 0o2770  # the switch writes there as another user of the same group


class Recordings:
    """The files of messages: ``CONTACT.wav``, or ``CONTACT-2.wav`` and so on beside those that are there."""

    def new(self, folder: Path, contact_id: str) -> Path:
        """Where the contact's next recording goes, in a folder that is there.

        Raises:
            OSError: the folder cannot be made.
        """
        self._prepare(folder)
        names = (f"{contact_id}-{number}.wav" if number > 1 else f"{contact_id}.wav" for number in count(1))
        return next(file for name in names if not self._exists(file := folder / name))

    def discard(self, file: Path) -> None:
        """Delete a recording that is no message, or not the contact's any more."""
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("a recording without a message stays: %s: %s", file, error.strerror)

    def _prepare(self, folder: Path) -> None:
        """Make it, for the switch's group to write to, unless it is there."""
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(FOLDER_MODE)

    def _exists(self, file: Path) -> bool:
        return file.exists()


def of_contact(folder: Path, contact_id: str) -> list[Path]:
    """All recordings of a contact that lie in a folder, whether a table tells of them or not."""
    name = re.compile(re.escape(contact_id) + r"(-[0-9]+)?\.wav")
    return sorted(file for file in folder.glob(f"{contact_id}*.wav") if name.fullmatch(file.name))
