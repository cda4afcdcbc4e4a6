"""1,000,000 NDJSON events through ``emit`` to a null sink, beside the official SDK: batches of 100, and one event per call.

    python benchmarks/emit.py [LINES] [ROUNDS]

Every round runs all of them one after the other against the same sink, each as a process of its own, imports and reading of the
file included. The slow peers get fewer events; rates are compared. Then emit's peak memory at a tenth of the lines and at all.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

NOW = "2026-11-22T14:30:00Z"
SPEC = """\
version: 1
environments:
  sink: {{base_url: "{url}", token_env: SINK_TOKEN}}
"""
EXAMPLE = Path(__file__).parent.parent / "billing.yaml"


class Sink(asyncio.Protocol):
    """Answers every request at once with 200 and nothing; what comes in is counted and forgotten."""

    def __init__(self) -> None:
        self._head = b""
        self._body = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Pass over bodies, answer at the end of each."""
        while data:
            if self._body:
                taken = min(self._body, len(data))
                self._body -= taken
                data = data[taken:]
            else:
                head, end, rest = (self._head + data).partition(b"\r\n\r\n")
                if not end:
                    self._head = head
                    return
                self._head = b""
                self._body = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                data = rest
            if not self._body:
                self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")  # type: ignore[attr-defined]


async def serve() -> None:
    """Serve on a free port of 127.0.0.1, printed first, until stdin closes."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


def write_events(path: Path, count: int) -> None:
    """Events as a metering pipeline writes them: an id, a customer, a time, a few properties."""
    random.seed(7)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            event = {
                "transaction_id": f"{random.getrandbits(128):032x}",
                "customer_id": "jane@nova.com",
                "event_type": "image_generation",
                "timestamp": f"2026-11-{1 + number % 21:02d}T{number % 24:02d}:{number % 60:02d}:00Z",
                "properties": {
                    "image_type": ("standard", "high-res", "ultra")[number % 3],
                    "num_images": str(1 + number % 4),
                    "request_id": f"req-{number:08d}",
                },
            }
            file.write(json.dumps(event) + "\n")


def sdk_batches(url: str, path: str, count: int, threads: int) -> None:
    """The SDK's own usage.ingest, 100 events a call."""
    from metronome import Metronome

    with Metronome(bearer_token="none", base_url=url, max_retries=0) as client, Path(path).open("rb") as file:
        events = (json.loads(line) for line in islice(file, count))

        def send(batch: tuple[dict[str, object], ...]) -> None:
            client.v1.usage.ingest(usage=batch)  # type: ignore[arg-type]

        if threads == 1:
            for batch in _batches(events):
                send(batch)
            return
        with ThreadPoolExecutor(threads) as pool:
            for window in _batches(_batches(events), threads * 3):
                list(pool.map(send, window))


def _batches(items, size: int = 100):  # type: ignore[no-untyped-def]
    items = iter(items)
    while batch := tuple(islice(items, size)):
        yield batch


def sdk_single(url: str, path: str, count: int) -> None:
    """One event per call, as the public tutorial sends them."""
    from metronome import Metronome

    with Metronome(bearer_token="none", base_url=url, max_retries=0) as client, Path(path).open("rb") as file:
        for line in islice(file, count):
            client.v1.usage.ingest(usage=[json.loads(line)])


def rate(arguments: list[str], count: int, folder: Path) -> tuple[float, float]:
    """Events a second of a whole process, and its peak memory in MiB."""
    environment = {**os.environ, "NOVA_NOW": NOW, "SINK_TOKEN": "none"}
    began = time.perf_counter()
    child = subprocess.Popen(arguments, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = child.stdout.read(), child.stderr.read()  # type: ignore[union-attr]
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, (arguments, out[-500:], err[-2000:])
    return count / seconds, used.ru_maxrss / 1024


def main(lines: int, rounds: int) -> None:
    """Print each round and the medians."""
    me = [sys.executable, __file__]
    sink = subprocess.Popen([*me, "--sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert sink.stdout is not None
    url = f"http://127.0.0.1:{int(sink.stdout.readline())}"
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            spec = EXAMPLE.read_text(encoding="utf-8").partition("\nbillable_metrics:")
            (folder / "billing.yaml").write_text(SPEC.format(url=url) + spec[1] + spec[2], encoding="utf-8")
            events, tenth = folder / "events.ndjson", folder / "tenth.ndjson"
            write_events(events, lines)
            write_events(tenth, lines // 10)
            emit = [sys.executable, "-m", "nova_iac", "emit", "--from"]
            slow, slowest = min(lines, 50_000), min(lines, 3_000)
            ratios: list[tuple[float, float]] = []
            for _ in range(rounds):
                ours, memory = rate([*emit, str(events)], lines, folder)
                batches = max(
                    rate([*me, "--sdk", url, str(events), str(slow), str(threads)], slow, folder)[0] for threads in (1, 8)
                )
                single, _ = rate([*me, "--single", url, str(events), str(slowest)], slowest, folder)
                ratios.append((ours / batches, ours / single))
                print(
                    f"emit {ours:9,.0f}/s   SDK, batches of 100 {batches:8,.0f}/s ({ours / batches:4.1f} x)   "
                    f"SDK, one per call {single:6,.0f}/s ({ours / single:5.0f} x)   peak {memory:.0f} MiB",
                    flush=True,
                )
            _, small = rate([*emit, str(tenth)], lines // 10, folder)
            medians = [statistics.median(column) for column in zip(*ratios, strict=True)]
            print(f"median of {rounds}: {medians[0]:.1f} x batches, {medians[1]:.0f} x single")
            print(f"peak memory: {small:.0f} MiB at {lines // 10:,} lines, {memory:.0f} MiB at {lines:,}")
    finally:
        sink.communicate("")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--sink"]:
            asyncio.run(serve())
        case ["--sdk", url, path, count, threads]:
            sdk_batches(url, path, int(count), int(threads))
        case ["--single", url, path, count]:
            sdk_single(url, path, int(count))
        case given:
            main(int(given[0]) if given else 1_000_000, int(given[1]) if len(given) > 1 else 3)
