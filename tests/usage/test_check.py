"""check: what the account's first answer means, and a token that is looked at before it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from emit_kit import faults
from support import NOW, Project

from nova_iac import moment
from nova_iac.cli.output import json_text
from nova_iac.emulator import Emulator
from nova_iac.emulator.faults import Fault
from nova_iac.retry import RetryPolicy


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(project: Project) -> Iterator[Project]:
    """A project whose environment ``remote`` is an emulator over HTTP that takes the token ``right``."""
    app = Emulator(None, clock=lambda: moment.parse(NOW), token="right")
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        project.edit("  local:", f"  remote: {{base_url: '{address}', token_env: REMOTE_TOKEN}}\n  local:")
        yield project
        server.shutdown()
        thread.join()
    app.close()


def test_check_names_the_first_customer_or_that_there_is_none(project: Project) -> None:
    """✓ in either case; checking makes nothing."""
    assert project.ok("check").out == "✓ local: the embedded emulator answers. There is no customer yet.\n"
    assert not project.database.exists()
    project.apply()
    assert project.ok("check").out == "✓ local: the embedded emulator answers. First customer: Nova Demo Customer\n"


def test_check_and_emit_over_http(served: Project) -> None:
    """The same over a real connection, with a real token."""
    token = {"REMOTE_TOKEN": "right"}

    assert "the token in REMOTE_TOKEN is good. There is no customer yet." in served.ok("check", "-e", "remote", env=token).out
    served.apply("-e", "remote", env=token)
    served.ok("emit", "image_generation", "-c", "demo", "--generate", "300", "-e", "remote", "--verify", env=token)
    assert "300" in served.ok("usage", "demo", "-e", "remote", env=token).out


def test_bad_token_names_the_variable_to_set(served: Project) -> None:
    """Wrong or missing, the message names the variable; the token is never shown."""
    wrong = served.run("check", "-e", "remote", env={"REMOTE_TOKEN": "wr0ng"})
    missing = served.run("check", "-e", "remote")

    assert (wrong.code, missing.code) == (1, 1)
    assert "Set REMOTE_TOKEN to an API token of this account" in wrong.err
    assert "takes its token from REMOTE_TOKEN, which isn't set" in missing.err
    assert "wr0ng" not in wrong.out + wrong.err
    sent = served.run("emit", "image_generation", "-c", "demo", "--generate", "3", "-e", "remote", env={"REMOTE_TOKEN": "wr0ng"})
    assert (sent.code, "wr0ng" in sent.err, "REMOTE_TOKEN" in sent.err) == (1, False, True)


def test_check_says_what_went_wrong(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection, or a host that isn't Metronome: what it was, and what to try."""
    monkeypatch.setattr("nova_iac.cli.session.RETRY", RetryPolicy(attempts=1))
    project.edit("  local:", "  gone: {base_url: 'http://127.0.0.1:9', token_env: T}\n  local:")
    result = project.run("check", "-e", "gone", env={"T": "x"})

    assert (result.code, "no connection to http://127.0.0.1:9" in result.err) == (1, True)
    with faults(Fault("error", status=404)):
        other = project.run("check")
    assert (other.code, "Is http://emulator Metronome's API?" in other.err) == (1, True)


@pytest.mark.parametrize("token", ["é", "two words", "a\nb", "tab\there", "\x1b[31m", "\udcff"])
@pytest.mark.parametrize("command", [("check",), ("plan",), ("emit", "image_generation", "-c", "demo", "--generate", "1")])
def test_token_that_fits_no_header_is_told(served: Project, token: str, command: tuple[str, ...]) -> None:
    """What can't be a token isn't sent; it is named by its variable and never shown."""
    result = served.run(*command, "-e", "remote", env={"REMOTE_TOKEN": token})

    assert (result.code, "the token in REMOTE_TOKEN has characters that no token has" in result.err) == (1, True), result.err
    assert token not in result.out + result.err


def test_check_is_not_silent_while_nobody_answers(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks a few times only, says so, and knows that its own machine has no status page."""
    monkeypatch.setattr("nova_iac.cli.session.RETRY", RetryPolicy(first_pause=0.0, longest_pause=0.0))
    project.edit("  local:", "  gone: {base_url: 'http://127.0.0.1:9', token_env: T}\n  local:")

    result = project.run("check", "-e", "gone", env={"T": "x"})

    assert result.err.count("No good answer from http://127.0.0.1:9 yet; asking again.") == 2
    assert result.err.splitlines()[-1].startswith("Does something listen at http://127.0.0.1:9? `nova-iac emulator serve` does")
    assert "status.metronome.com" not in result.err


def test_outage_names_the_status_page(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Metronome itself is down, its page says so."""
    monkeypatch.setattr("nova_iac.cli.session.RETRY", RetryPolicy(attempts=1))
    with faults(Fault("error", status=503)):
        assert "https://status.metronome.com" in project.run("check").err


def test_check_as_data(served: Project) -> None:
    """--format json: the same for programs, good or not."""
    right = served.ok("check", "-e", "remote", "--format", "json", env={"REMOTE_TOKEN": "right"}).json
    wrong = served.run("check", "-e", "remote", "--format", "json", env={"REMOTE_TOKEN": "wr0ng"})
    served.apply()
    local = served.ok("check", "--format", "json").json

    assert (right["environment"], right["good"], right["first_customer"], right["error"]) == ("remote", True, None, None)
    assert (wrong.code, wrong.json["good"], wrong.json["status"]) == (1, False, 401)
    assert "Set REMOTE_TOKEN" in wrong.json["advice"]
    assert local["first_customer"] == {"id": served.id("customer.demo"), "name": "Nova Demo Customer"}


@pytest.mark.parametrize("command", ["usage", "invoices"])
def test_name_that_is_no_text_is_told(project: Project, command: str) -> None:
    """Bytes that are no UTF-8 can name nobody."""
    result = project.run(command, "\udcff")

    assert (result.code, "is not text in UTF-8" in result.err) == (1, True), result.err


def test_what_is_no_text_stays_an_escape_in_json() -> None:
    """A path's bytes, or half a pair from an answer, break no document: they stand as JSON writes them."""
    text = json_text({"file": "x\udcff", "name": "Zoë"})

    assert text.encode() == b'{\n  "file": "x\\udcff",\n  "name": "Zo\xc3\xab"\n}'
    assert json.loads(text) == {"file": "x\udcff", "name": "Zoë"}
