"""Bytes to lines: files and streams of any length, in blocks, so that memory does not grow with them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final

BLOCK: Final = 1 << 18
LONGEST_LINE: Final = 1 << 20
_IDLE: Final = 0.5  # seconds after which a quiet stream lets go of what it has
_BOM: Final = b"\xef\xbb\xbf"


def file_blocks(file: BinaryIO) -> Iterator[bytes]:
    """What is left of a file, block by block."""
    while block := file.read(BLOCK):
        yield block


def stream_blocks(stream: BinaryIO, idle: Callable[[], bool]) -> Iterator[bytes]:
    """A pipe or a terminal, as data comes in.

    While none comes, ``idle`` is called twice a second: what was read so far can be sent on. It says whether to wait on.
    """
    inbox: queue.Queue[bytes | OSError] = queue.Queue(maxsize=4)

    def read() -> None:
        take = getattr(stream, "read1", stream.read)
        try:
            while block := take(BLOCK):
                inbox.put(block)
            inbox.put(b"")
        except (OSError, ValueError) as problem:
            inbox.put(problem if isinstance(problem, OSError) else b"")

    threading.Thread(target=read, daemon=True, name="stream").start()
    while True:
        try:
            block = inbox.get(timeout=_IDLE)
        except queue.Empty:
            if not idle():
                return
            continue
        if isinstance(block, OSError):
            raise block
        if not block:
            return
        yield block


class Lines:
    """The lines of some blocks, without their ends. ``number`` and ``offset`` tell how far it has come.

    A line longer than a megabyte is given as None: it is no event, and holding it would cost memory.

    :param offset: where in the file the blocks begin, after line ``number``.
    """

    def __init__(self, blocks: Iterable[bytes], *, number: int = 0, offset: int = 0) -> None:
        self._blocks = blocks
        self.number = number
        self.offset = offset

    def __iter__(self) -> Iterator[bytes | None]:
        rest = b""
        skipped = 0  # bytes of an overlong line that are dropped already
        for block in self._blocks:
            parts = (rest + block).split(b"\n") if rest else block.split(b"\n")
            rest = parts.pop()
            for part in parts:
                start = self.offset
                self.number += 1
                self.offset += skipped + len(part) + 1
                if skipped or len(part) > LONGEST_LINE:
                    skipped = 0
                    yield None
                else:
                    yield part.removeprefix(_BOM) if not start else part
            if len(rest) > LONGEST_LINE:
                skipped += len(rest)
                rest = b""
        if rest or skipped:
            start = self.offset
            self.number += 1
            self.offset += skipped + len(rest)
            yield None if skipped else (rest.removeprefix(_BOM) if not start else rest)
