"""What a run of emit reads: its source, how its rows become events, and where an earlier run of it stopped."""

from __future__ import annotations

import io
import sys
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from nova_iac import moment
from nova_iac.cli.emit_places import rejected_path
from nova_iac.cli.options import require_text
from nova_iac.cli.session import Session, now
from nova_iac.errors import UsageProblem
from nova_iac.usage import checkpoint as checkpoints
from nova_iac.usage import customers
from nova_iac.usage.agreed import Agreed
from nova_iac.usage.checkpoint import Checkpoint
from nova_iac.usage.csv_table import CsvTable, read_header
from nova_iac.usage.emission import Progress
from nova_iac.usage.event import Defaults, Event, encode
from nova_iac.usage.generate import Generated
from nova_iac.usage.judge import Unknown
from nova_iac.usage.lines import Lines, file_blocks, plain_text, stream_blocks
from nova_iac.usage.rejects import RejectedFile
from nova_iac.usage.sources import BEGINNING, JsonLines, Position, Single, Source
from nova_iac.usage.tables import ParquetTable

_FORMS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet"}
_ONLY_FILES = ("form", "mapped", "delimiter", "resume", "rejected")
_OPTIONS = {"form": "input", "mapped": "map", "count": "generate"}


@dataclass(frozen=True, slots=True)
class Input:
    """A source of events, and what belongs to it. size is in bytes, where it is known.

    transaction_id is a single event's. timed: the events' times were given; else they are that of the run.
    """

    source: Source
    unknown: Unknown
    size: int | None = None
    skipped: int = 0
    rejected_before: int = 0
    rejected: RejectedFile | None = None
    progress: Progress | None = None
    transaction_id: str | None = None
    timed: bool = True


def read_input(
    session: Session, agreed: Agreed, options: Mapping[str, Any], stack: ExitStack, *, idle: Callable[[], bool]
) -> Input:
    """The source that the options name.

    :param idle: called while a stream is quiet; see ``lines.stream_blocks``.
    :raises UsageProblem: they don't go together, or name what isn't there.
    """
    texts = (*options["properties"], *options["mapped"], *(options[name] or "" for name in ("event_type", "customer")))
    require_text(*texts, options["transaction_id"] or "")
    properties = _pairs("-p", options["properties"])
    unknown = Unknown(options["unknown"] or ("warn" if options["origin"] else "reject"))
    customer = _customer(agreed, options["customer"], let_through=options["unknown"] in ("warn", "send"))
    defaults = Defaults(options["event_type"], customer, _timestamp(options["timestamp"]), properties)
    if options["origin"]:
        for name in ("count", "transaction_id", "since"):
            if options[name] is not None:
                raise UsageProblem(f"--{_OPTIONS.get(name, name.replace('_', '-'))} and --from don't go together.")
        return _file(session, options, defaults, unknown, stack, idle)
    for name in _ONLY_FILES:
        if options[name]:
            raise UsageProblem(f"--{_OPTIONS.get(name, name)} belongs to --from.")
    if defaults.event_type is None:
        raise UsageProblem("say what to send: an EVENT_TYPE, or a file with --from. nova-iac emit --help has examples.")
    if customer is None:
        raise UsageProblem("say whose usage it is: -c with a customer's key, alias or id, or NOVA_CUSTOMER.")
    if options["count"] is None:
        return _single(options, defaults, unknown)
    return _generated(agreed, options, defaults, unknown)


def _single(options: Mapping[str, Any], defaults: Defaults, unknown: Unknown) -> Input:
    if options["since"] is not None:
        raise UsageProblem("--since belongs to --generate.")
    transaction_id = options["transaction_id"] or str(uuid.uuid4())
    stamp = defaults.timestamp or moment.text(now())
    event = Event(transaction_id, defaults.customer_id or "", defaults.event_type or "", stamp, dict(defaults.properties))
    timed = defaults.timestamp is not None
    return Input(Single(event, encode(event)), unknown, transaction_id=transaction_id, timed=timed)


def _generated(agreed: Agreed, options: Mapping[str, Any], defaults: Defaults, unknown: Unknown) -> Input:
    if options["transaction_id"] is not None:
        raise UsageProblem("--generate derives ids from --seed; --transaction-id is for a single event.")
    until = now() if defaults.timestamp is None else moment.parse(defaults.timestamp)
    since = _instant("--since", options["since"])
    if since is not None and since > until:
        raise UsageProblem(f"--since {moment.text(since)} is after {moment.text(until)}, where the generated events end.")
    source = Generated(
        agreed,
        defaults.event_type or "",
        defaults.customer_id or "",
        count=options["count"],
        seed=options["seed"],
        fixed=defaults.properties,
        until=until,
        since=since,
        fixed_until=defaults.timestamp is not None,
    )
    return Input(source, unknown, timed=defaults.timestamp is not None)


def _file(
    session: Session, options: Mapping[str, Any], defaults: Defaults, unknown: Unknown, stack: ExitStack, idle: Callable[[], bool]
) -> Input:
    name, path = options["origin"], Path(options["origin"])
    form = options["form"] or _FORMS.get(path.suffix.lower(), "ndjson")
    mapped = _pairs("--map", options["mapped"])
    delimiter = options["delimiter"] or ("\t" if path.suffix.lower() == ".tsv" else ",")
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UsageProblem(f"--delimiter is one character, not {delimiter!r}.")
    if mapped and form == "ndjson":
        raise UsageProblem("--map names columns, which NDJSON doesn't have: rename the fields on the way, with jq for one.")
    if _is_stream(name, path):
        return _stream(session, options, defaults, unknown, stack, idle, form, mapped, delimiter)
    reading = {
        "input": form,
        "map": mapped,
        "delimiter": delimiter if form == "csv" else "",
        "event_type": defaults.event_type or "",
        "customer": defaults.customer_id or "",
        "timestamp": defaults.timestamp or "",
        "properties": dict(defaults.properties),
    }
    lockfile = folded.lockfile if (folded := session.folded()) else None
    target = {
        "environment": session.environment.name,
        "base_url": session.base_url,
        "lineage": None if lockfile is None else lockfile.lineage,
    }
    kept = path.with_name(f"{path.name}.{session.environment.name}.checkpoint.json")
    known = checkpoints.load(kept) if options["resume"] else None
    if known is not None:
        checkpoints.check(known, kept, path, target, reading)
    start = known.position if known else BEGINNING
    running = known is not None and not known.complete
    rejected = rejected_path(session, options["rejected"], path, kept)
    return Input(
        _table(path, form, mapped, defaults, delimiter, start, stack),
        unknown,
        size=path.stat().st_size if form != "parquet" else None,
        skipped=start.row,
        rejected_before=known.rejected if known is not None and running else 0,
        rejected=RejectedFile(rejected, known.rejected_bytes, known.rejected_fingerprint) if known else RejectedFile(rejected),
        progress=Progress(kept, path, Checkpoint(target, reading, start, sent=known.sent if known else 0)),
    )


def _table(
    path: Path, form: str, mapped: Mapping[str, str], defaults: Defaults, delimiter: str, start: Position, stack: ExitStack
) -> Source:
    if form == "parquet":
        return ParquetTable(path, mapped, defaults, now, start=start)
    file = _opened(path, stack)
    header = read_header(file) if form == "csv" and start.offset else None
    file.seek(start.offset)
    blocks = file_blocks(file, str(path))
    lines = Lines(blocks if start.offset else plain_text(blocks, str(path)), number=start.line, offset=start.offset)
    if form == "ndjson":
        return JsonLines(lines, defaults, now, start)
    return CsvTable(lines, mapped, defaults, now, name=path.name, delimiter=delimiter, start=start, header=header)


def _opened(path: Path, stack: ExitStack) -> BinaryIO:
    try:
        return stack.enter_context(path.open("rb"))
    except OSError as problem:
        raise UsageProblem(f"{path} can't be read: {problem.strerror or problem}") from None


def _stream(
    session: Session,
    options: Mapping[str, Any],
    defaults: Defaults,
    unknown: Unknown,
    stack: ExitStack,
    idle: Callable[[], bool],
    form: str,
    mapped: Mapping[str, str],
    delimiter: str,
) -> Input:
    """Standard input or a pipe: it can't be read again, so there is no checkpoint."""
    if options["resume"]:
        raise UsageProblem(
            "--resume needs a file: a stream can't be read again. Send it again from its beginning; its events keep their ids, "
            "so nothing is billed twice."
        )
    if form == "parquet":
        raise UsageProblem("Parquet can't be read from a stream: its directory is at its end. Give a file.")
    origin = options["origin"]
    name = "stdin" if origin == "-" else origin
    stream = _stdin() if origin == "-" else _opened(Path(origin), stack)
    lines = Lines(plain_text(stream_blocks(stream, name, idle), name))
    source: Source
    if form == "ndjson":
        source = JsonLines(lines, defaults, now)
    else:
        source = CsvTable(lines, mapped, defaults, now, name=name, delimiter=delimiter)
    rejected = RejectedFile(rejected_path(session, options["rejected"], None, None), numbered=True)
    return Input(source, unknown, rejected=rejected)


def _is_stream(name: str, path: Path) -> bool:
    if name == "-":
        return True
    try:
        if path.is_dir():
            raise UsageProblem(f"{path} is a folder; name one of its files.")
        path.stat()
        return not path.is_file()
    except OSError as problem:
        raise UsageProblem(f"{path} can't be read: {problem.strerror or problem}") from None


def _stdin() -> BinaryIO:
    stream = sys.stdin
    if stream is None:
        raise UsageProblem("standard input is closed.")
    return getattr(stream, "buffer", None) or io.BytesIO(stream.read().encode())


def _customer(agreed: Agreed, wanted: str | None, *, let_through: bool) -> str | None:
    """What events call the customer of ``-c``."""
    if wanted is None:
        return None
    name = customers.sent_name(agreed, wanted)
    if name is None and agreed.customer_keys and not let_through:
        near = customers.near(agreed, wanted)
        raise UsageProblem(f"no customer of the spec is called {wanted}.{near} --unknown send sends for it all the same.")
    return name or wanted


def _pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, mark, value = text.partition("=")
        if not mark or not name:
            raise UsageProblem(f"{option} {text}: write {option} NAME=VALUE.")
        if name in pairs:
            raise UsageProblem(f"{option} {name} is given twice.")
        pairs[name] = value
    return pairs


def _timestamp(text: str | None) -> str | None:
    found = _instant("--timestamp", text)
    return None if found is None else moment.text(found)


def _instant(option: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else moment.parse(text)
    except moment.MomentError as problem:
        raise UsageProblem(f"{option}: {problem}") from None
