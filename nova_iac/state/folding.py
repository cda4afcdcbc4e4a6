"""What an interrupted run has left: the lockfile with its journal folded in.

What no run of ours can have written is refused with its line, and left; only a last line that was cut off is expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import NoneType
from typing import Any, Final

from nova_iac.errors import LockfileError, NewerFormat
from nova_iac.resource import Address
from nova_iac.state import strict
from nova_iac.state.journal import Intent, Run, apply_effects, read_effects
from nova_iac.state.lockfile import Lockfile

_DONE: Final[Mapping[str, strict.Types]] = {"number": (int,), "id": (str, NoneType)}
_REFUSED: Final[Mapping[str, strict.Types]] = {"number": (int,), "message": (str,), "unheard": (bool,)}
_OPTIONAL: Final = frozenset(("unheard",))
_ADVICE: Final = (
    "It was left as it is. Put the right one back, or make the record again from the account with `nova-iac state rebuild`."
)


@dataclass(frozen=True, slots=True)
class Folded:
    """The lockfile with the journal folded in. unresolved are intents whose outcome isn't known; no journal, no run.

    keys has what the unfinished run was to create and whose create never reached Metronome, with the serial of its
    Idempotency-Key: it keeps that, so that a clone that starts from the lockfile before that run makes nothing twice.
    """

    lockfile: Lockfile
    unresolved: tuple[Intent, ...] = ()
    run: Run | None = None
    keys: Mapping[Address, int] = field(default_factory=dict)


def _read(path: Path) -> list[tuple[str, Any]] | None:
    """What each line tells, by its word; None where there is no journal.

    A last line that was cut off while it was written is left out: its call was never made.

    :raises LockfileError: it is broken, or newer than this version.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise LockfileError(f"the journal {path} can't be read: {problem.strerror or problem}") from problem
    lines = raw.split(b"\n")
    lines.pop()  # what follows the last newline: nothing, or a torn line
    found: list[tuple[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(_parsed(strict.loads(line)))
        except NewerFormat:
            raise
        except ValueError as problem:
            raise _broken(path, number, problem) from None
    if not found or found[0][0] != "run":
        # The head is put in place whole, by a rename: without one this is not what a run has left.
        raise LockfileError(f"the journal {path} has no head. {_ADVICE}")
    return found


def _parsed(line: Mapping[str, Any]) -> tuple[str, Any]:
    strict.require_fields("it", line, dict.fromkeys(("run", "intent", "done", "refused", "record"), (dict,)), ())
    if len(line) != 1:
        raise ValueError("it tells not one thing")
    ((word, data),) = line.items()
    match word:
        case "run":
            return word, Run.from_data(data)
        case "intent":
            return word, Intent.from_data(data)
        case "record":
            return word, read_effects(data)
    known = _DONE if word == "done" else _REFUSED
    strict.require_fields(f"{word!r}", data, known, known.keys() - _OPTIONAL)
    return word, data


def _broken(path: Path, number: int, problem: object) -> LockfileError:
    return LockfileError(f"line {number} of the journal {path} is broken ({problem}). {_ADVICE}")


def fold(lockfile: Lockfile | None, path: Path, *, environment: str, base_url: str) -> Folded | None:
    """The recorded state with the journal of an interrupted run put in; None where there is neither.

    The folded run counts as one: the serial rises if it changed anything.

    :raises LockfileError: the journal is broken, or belongs to another lockfile, or to a later one.
    """
    lines = _read(path)
    if lines is None:
        return None if lockfile is None else Folded(lockfile)
    run: Run = [told for word, told in lines if word == "run"][-1]
    there = "it has gone" if lockfile is None else f"the one beside it has serial {lockfile.serial}"
    if lockfile is None:
        lockfile = Lockfile(run.lineage, 0, run.environment, run.base_url)
    if run.lineage != lockfile.lineage or run.environment != environment or run.base_url != base_url:
        raise LockfileError(
            f"the journal {path} belongs to another lockfile (lineage {run.lineage}): put the lockfile that it was written "
            "beside back, or remove the journal if that run is of no interest."
        )
    if run.serial > lockfile.serial:
        # A run starts from the lockfile on disk, so this one has lost what earlier runs recorded.
        raise LockfileError(
            f"the journal {path} goes on from a lockfile of serial {run.serial}, and {there}: both were left as they are. Put "
            "the newest lockfile back from version control (git), or make it again from the account with "
            "`nova-iac state rebuild`."
        )
    folded = _replay(lockfile, lines, run, path)
    if run.serial < lockfile.serial:
        # The lockfile was saved after this run: it has what is done, and only open intents are news.
        # Later ones than the run's own were written elsewhere, where its calls may have been made, and undone.
        return replace(folded, lockfile=lockfile, keys=folded.keys if lockfile.serial == run.serial + 1 else {})
    return folded


def _replay(lockfile: Lockfile, lines: Sequence[tuple[str, Any]], run: Run, path: Path) -> Folded:
    entries = dict(lockfile.resources)
    open_intents: dict[int, Intent] = {}
    heard: dict[int, Address | None] = {}
    changed = False
    for number, (word, told) in enumerate(lines, start=1):
        match word:
            case "intent":
                if told.number in open_intents:
                    raise _broken(path, number, f"call {told.number} is there twice")
                open_intents[told.number] = told
                heard[told.number] = told.creates
            case "done" | "refused":
                intent = open_intents.pop(told["number"], None)
                if intent is None:
                    raise _broken(path, number, f"there is no open call {told['number']}")
                if word == "refused":
                    if told.get("unheard"):
                        del heard[intent.number]
                    continue
                if intent.creates and not told["id"]:
                    raise _broken(path, number, f"what call {intent.number} created has no id")
                apply_effects(entries, intent.effects, told["id"])
                changed = True
            case "record":
                apply_effects(entries, told, None)
                changed = True
    serial = run.serial + 1 if changed or heard else lockfile.serial
    used = frozenset(heard.values())
    keys = {address: made_of for address, made_of in run.keys.items() if address not in used}
    return Folded(replace(lockfile, resources=entries, serial=serial), tuple(open_intents.values()), run, keys)
