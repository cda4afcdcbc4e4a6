"""Bytes to lines: files and streams of any length, in blocks, so that memory does not grow with them."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final

from nova_iac.errors import UsageProblem

BLOCK: Final = 1 << 18
LONGEST_LINE: Final = 1 << 20
_IDLE: Final = 0.5  # seconds after which a quiet stream lets go of what it has
_BOM: Final = b"\xef\xbb\xbf"
_NOT_PLAIN: Final = {
    b"\x1f\x8b": ("packed with gzip", "zcat"),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "zstdcat"),
    b"BZh": ("packed with bzip2", "bzcat"),
    b"PK\x03\x04": ("a ZIP archive", "unzip -p"),
    b"\xff\xfe": ("in UTF-16, not UTF-8", "iconv -f UTF-16 -t UTF-8"),
    b"\xfe\xff": ("in UTF-16, not UTF-8", "iconv -f UTF-16 -t UTF-8"),
}
"""What a file may begin with that has been packed or comes from another system, and which program makes text of it."""


def file_blocks(file: BinaryIO, name: str) -> Iterator[bytes]:
    """What is left of a file, block by block.

    :raises UsageProblem: it can't be read.
    """
    while block := _read(lambda: file.read(BLOCK), name):
        yield block


def stream_blocks(stream: BinaryIO, name: str, idle: Callable[[], bool]) -> Iterator[bytes]:
    """A pipe or a terminal, as data comes in.

    While none comes, ``idle`` is called twice a second: what was read so far can be sent on. It says whether to wait on.

    :raises UsageProblem: it can't be read.
    """
    try:
        descriptor = stream.fileno()
    except OSError:  # it is in memory: it never waits
        yield from file_blocks(stream, name)
        return
    while True:
        # Past the stream's own buffer: whoever waits in there holds its lock, at which the interpreter's end would break.
        if not select.select([descriptor], [], [], _IDLE)[0]:
            if not idle():
                return
            continue
        block = _read(lambda: os.read(descriptor, BLOCK), name)
        if block is None:
            continue
        if not block:
            return
        yield block


def plain_text(blocks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The same blocks, from their beginning.

    :raises UsageProblem: they aren't the text that they should be, but packed or in another encoding.
    """
    first = True
    for block in blocks:
        if first:
            for mark, (what, command) in _NOT_PLAIN.items():
                if block.startswith(mark):
                    pipe = f"{command} {'FILE' if name == 'stdin' else name} | nova-iac emit --from -"
                    raise UsageProblem(f"{name} is {what}: {pipe} (with --input csv for a table).")
        first = False
        yield block


def _read(read: Callable[[], bytes | None], name: str) -> bytes | None:
    """None: nothing is there yet, because somebody made the descriptor one that doesn't wait."""
    try:
        return read()
    except BlockingIOError:
        return None
    except OSError as problem:
        raise UsageProblem(f"{name} can't be read: {problem.strerror or problem}") from problem


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
