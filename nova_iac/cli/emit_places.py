"""Where emit may write what it rejects: never over a file that something else lives by."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nova_iac.cli.session import Session
from nova_iac.errors import UsageProblem
from nova_iac.usage.rejects import SUFFIX


def rejected_path(session: Session, wanted: str | None, source: Path | None, checkpoint: Path | None) -> Path:
    """The rejected file: the one that is asked for, or one beside its source (in this folder for a stream).

    :raises UsageProblem: it is a file that the run, or another command, reads or writes.
    """
    name = f"stdin.{session.environment.name}{SUFFIX}"
    beside = Path(name) if source is None else source.with_name(f"{source.name}.{session.environment.name}{SUFFIX}")
    path = beside if wanted is None else Path(wanted)
    others = {
        "what the events are read from": (source,),
        "this run's checkpoint": (checkpoint,),
        "the spec": (session.spec.path, *sorted({Path(block.location.file) for block in session.spec.blocks.values()})),
        "the lockfile": (session.paths.lockfile,),
        "the journal": (session.paths.journal,),
        "the lock": (session.paths.mutex,),
        "the emulator's database": (session.paths.database,),
        "where tokens are": (session.spec.path.parent / ".env",),
    }
    for what, files in others.items():
        if _is_among(path, files):
            raise UsageProblem(f"{path} is {what}: the rejected events need a file of their own.")
    return path


def _is_among(path: Path, files: Iterable[Path | None]) -> bool:
    """Whether a path leads to one of some files, there or not."""
    try:
        return any(
            file is not None and (path.resolve() == file.resolve() or (path.exists() and file.exists() and path.samefile(file)))
            for file in files
        )
    except (OSError, RuntimeError) as problem:  # RuntimeError: links in a circle
        raise UsageProblem(f"{path} can't be used: {getattr(problem, 'strerror', None) or problem}.") from None
