"""How far a file was sent: what a killed run leaves behind, and what a resumed one starts from.

Everything before the position is settled: sent, or in the rejected file. What was sent behind it is sent again under the same
ids, which Metronome passes over. Written atomically (temporary file, fsync, rename, fsync of the folder); never holds a token.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from nova_iac.errors import UsageProblem
from nova_iac.state.lockfile import replace_file
from nova_iac.usage.rejects import fingerprint as fingerprint_before
from nova_iac.usage.sources import Count, Position

FORMAT_VERSION: Final = "1.0"
_LOOKED_AT: Final = 4_096


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of one file's run in one environment.

    target is the environment and account that it was sent to; reading what decides how rows become events (format, mapping,
    defaults): another reading would give other events. rejected_bytes is how much of the rejected file belongs to the settled
    rows, and rejected_fingerprint tells whether it is still that file. complete: the file's end was reached.
    """

    target: Mapping[str, Any]
    reading: Mapping[str, Any]
    position: Position
    fingerprint: str = ""
    sent: Count = 0
    rejected: Count = 0
    rejected_bytes: Count = 0
    rejected_fingerprint: str = ""
    complete: bool = False

    def save(self, path: Path, source: Path) -> None:
        """Replace the file.

        :raises UsageProblem: it can't be written; the old one is unharmed.
        """
        try:
            data = asdict(replace(self, fingerprint=fingerprint(source, self.position)))
            text = json.dumps({"format_version": FORMAT_VERSION, **data}, indent=2, ensure_ascii=False) + "\n"
            replace_file(path, text)
        except OSError as problem:
            raise UsageProblem(f"{path} can't be written: {problem.strerror or problem}") from problem


def load(path: Path) -> Checkpoint | None:
    """The checkpoint of an earlier run; None where there is none.

    :raises UsageProblem: it is broken, or of a newer version.
    """
    try:
        data = json.loads(path.read_bytes())
        version = data["format_version"]
        if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
            raise UsageProblem(f"{path} was written by a newer version of nova-iac (format {version}).")
        return msgspec.convert(data, Checkpoint)
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise UsageProblem(f"{path} can't be read: {problem.strerror or problem}") from problem
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UsageProblem(
            f"{path} is no checkpoint of nova-iac. Without --resume the file is sent from its beginning."
        ) from None


def check(checkpoint: Checkpoint, path: Path, source: Path, target: Mapping[str, Any], reading: Mapping[str, Any]) -> None:
    """That a checkpoint is of this file, read in this way, for this account.

    :raises UsageProblem: it isn't; its rows may not have been sent here.
    """
    for then, here in ((checkpoint.target, target), (checkpoint.reading, reading)):
        for name, value in here.items():
            known = then.get(name)
            if known != value and not (name == "lineage" and None in (known, value)):
                raise UsageProblem(
                    f"{path} is of a run with another {name.replace('_', ' ')} ({_shown(known)}, now {_shown(value)}). Without "
                    "--resume the file is sent from its start; events that Metronome has keep their ids and are passed over."
                )
    try:
        same = fingerprint(source, checkpoint.position) == checkpoint.fingerprint
    except OSError as problem:
        raise UsageProblem(f"{source} can't be read: {problem.strerror or problem}") from problem
    if not same:
        raise UsageProblem(
            f"{source} is not the file that {path} was made of: what stands before line {checkpoint.position.line + 1} has "
            "changed. Without --resume it is sent from its start."
        )


def fingerprint(source: Path, position: Position) -> str:
    """A hash of what stands at the beginning of a file and right before a position; of its end where positions are rows.

    :raises OSError: it can't be read.
    """
    if position.offset:
        return fingerprint_before(source, position.offset)
    digest = hashlib.sha256()
    if position.row:
        size = source.stat().st_size
        with source.open("rb") as file:
            file.seek(max(0, size - _LOOKED_AT))
            digest.update(b"%d" % size + file.read())
    return digest.hexdigest()


def _shown(value: object) -> str:
    return "none" if value in (None, {}, "") else json.dumps(value, ensure_ascii=False)
