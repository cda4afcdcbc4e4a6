"""The installed nova-iac, and the difference between two of its plans."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Any

from github import Failure, say

_HIDDEN = ("NOVA_ACTION_", "ACTIONS_", "INPUT_", "GITHUB_TOKEN", "GH_TOKEN")
"""Variables that nova-iac has no need of; a spec could otherwise name one of them as its token."""


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str


def nova_iac(*arguments: str, room: int | None = None) -> Ran:
    """Run nova-iac: its words go to the log as they come, where they can't pass for commands to the runner.

    :param room: how long its Markdown may be, in bytes.
    :raises Failure: there is no nova-iac.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith(_HIDDEN)}
    if room is not None:
        env["NOVA_MARKDOWN_BUDGET"] = str(room)
    token = secrets.token_hex(16)
    say(f"::stop-commands::{token}")
    errors = []
    command = ["nova-iac", *arguments]
    try:
        with (
            tempfile.TemporaryFile() as out,
            subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE) as tool,
        ):
            for number in (signal.SIGINT, signal.SIGTERM):  # a cancelled job: nova-iac finishes its calls and saves
                signal.signal(number, lambda caught, _frame: tool.send_signal(caught))
            assert tool.stderr is not None
            for line in tool.stderr:
                errors.append(line.decode(errors="replace"))
                say(errors[-1].rstrip("\n"))
            code = tool.wait()
            out.seek(0)
            text = out.read().decode(errors="replace")
        say(text)
    except FileNotFoundError:
        raise Failure("there is no nova-iac on PATH: install it in an earlier step, or leave `install` at true.") from None
    finally:
        say(f"::{token}::")
    return Ran(code, text, "".join(errors))


_HEADERS = {"lineage": "lineage of the lockfile", "serial": "serial of the lockfile", "spec_digest": "spec", "options": "options"}


def difference(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is not the same in two plan documents, a line each."""
    lines = [
        f"{words}: {_short(then.get(key))} -> {_short(now.get(key))}"
        for key, words in _HEADERS.items()
        if then.get(key) != now.get(key)
    ]
    before, after = _doing(then), _doing(now)
    for address in sorted(before.keys() | after.keys()):
        old, new = before.get(address), after.get(address)
        if old is None or new is None or old["action"] != new["action"]:
            lines.append(f"{address}: {_action(old)} -> {_action(new)}")
        elif (old["fields"], old["live_digest"]) != (new["fields"], new["live_digest"]):
            lines += [f"{address}: {new['action']}, but not as reviewed", *_fields(old["fields"], new["fields"])]
    held, holds = ({f"{hit['code']} {hit['address']}" for hit in plan.get("guards", ())} for plan in (then, now))
    lines += [f"guard {hit}: only now" for hit in sorted(holds - held)]
    return lines or ["the order or the bodies of the calls"]


def _short(value: Any) -> str:
    return value[:12] if isinstance(value, str) else str(value)


def _doing(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {change["address"]: change for change in plan.get("changes", ()) if change["action"] != "noop"}


def _action(change: dict[str, Any] | None) -> str:
    return "nothing" if change is None else str(change["action"])


def _fields(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    """The fields that one action doesn't leave as the other does, or finds otherwise."""
    before, after = ({field["path"]: (field["before"], field["after"]) for field in fields} for fields in (old, new))
    lines = []
    for path in sorted(before.keys() | after.keys()):
        then, now = before.get(path), after.get(path)
        if then != now:
            from_another = then is not None and now is not None and then[0] != now[0]
            lines.append(f"  {path}: {_aim(then, from_another)} -> {_aim(now, from_another)}")
    return lines


def _aim(values: tuple[Any, Any] | None, from_another: bool) -> str:
    """What a field is set to; with what it was, where that is not the same in both plans."""
    if values is None:
        return "(not changed)"
    start, aim = ("(nothing)" if value is None else _text(value) for value in values)
    return f"{aim} (was {start})" if from_another else aim


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
