"""The same over HTTP: equal plans, tokens from the environment, and a token that is shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from serving import served
from support import EXAMPLE, Project

CANARY = "canary-4f1d9c7e2b"


def spec_for(url: str) -> str:
    """The example with one more environment."""
    return EXAMPLE.replace(
        "  sandbox: {token_env", f"  remote: {{base_url: {url!r}, token_env: REMOTE_TOKEN}}\n  sandbox: {{token_env"
    )


def test_same_plan_as_embedded(tmp_path: Path) -> None:
    """Plans over HTTP are those of the embedded emulator but for the environment's name, before and after an apply."""
    project = Project(tmp_path)
    with served(project.now, token=CANARY) as url:
        project.write(spec_for(url))
        env = {"REMOTE_TOKEN": CANARY}

        for expected in ("Plan: 8 to create", "No changes."):
            local = project.ok("plan")
            remote = project.ok("plan", "-e", "remote", env=env)
            assert remote.out == local.out.replace("Environment: local", "Environment: remote")
            assert remote.last.startswith(expected)
            project.apply()
            done = project.apply("-e", "remote", env=env)
        assert done.last == "No changes. The account matches billing.yaml."
        destroyed = project.ok("destroy", "-e", "remote", "--yes", env=env)
        assert destroyed.last == "Destroy complete: 5 archived, 3 forgotten. 5 calls."


def test_token_of_dotenv_is_used_and_the_environment_beats_it(tmp_path: Path) -> None:
    """A .env file beside the spec is read; the process environment beats it."""
    project = Project(tmp_path)
    with served(project.now, token=CANARY) as url:
        project.write(spec_for(url))
        (tmp_path / ".env").write_text(f"REMOTE_TOKEN={CANARY}\n")

        assert project.run("plan", "-e", "remote").code == 0
        refused = project.run("plan", "-e", "remote", env={"REMOTE_TOKEN": "wrong"})

    assert refused.code == 1
    assert "401" in refused.err
    assert "is the token in REMOTE_TOKEN the right one" in refused.err


def test_missing_token_names_the_variable(tmp_path: Path) -> None:
    """No token: which variable, and where it can stand."""
    project = Project(tmp_path)

    result = project.run("plan", "-e", "sandbox")

    assert result.code == 1
    assert "METRONOME_SANDBOX_TOKEN" in result.err
    assert ".env" in result.err


def test_only_the_environment_block_decides(tmp_path: Path) -> None:
    """METRONOME_BASE_URL and METRONOME_CUSTOM_HEADERS are ignored with a warning."""
    project = Project(tmp_path)
    with served(project.now, token=CANARY) as url:
        project.write(spec_for(url))
        env = {
            "REMOTE_TOKEN": CANARY,
            "METRONOME_BASE_URL": "http://127.0.0.1:1",
            "METRONOME_CUSTOM_HEADERS": "Authorization: Bearer other",
        }

        result = project.run("plan", "-e", "remote", env=env)

    assert result.code == 0, result.err
    assert "METRONOME_BASE_URL is ignored" in result.err
    assert "METRONOME_CUSTOM_HEADERS is ignored" in result.err


@pytest.mark.parametrize("trouble", ["none", "wrong token", "no server"])
def test_token_is_shown_nowhere(tmp_path: Path, trouble: str) -> None:
    """In no output, file, log or error, whatever goes wrong."""
    project = Project(tmp_path)
    outputs = []
    with served(project.now, token=CANARY if trouble != "wrong token" else "another") as url:
        project.write(spec_for(url if trouble != "no server" else "http://127.0.0.1:1"))
        env = {"REMOTE_TOKEN": CANARY, "METRONOME_LOG": "debug"}
        for command in (
            ["plan"], ["plan", "--format", "json"], ["plan", "--out", "plan.json"], ["apply", "--yes", "--format", "json"],
            ["show", "customer.demo"], ["--help"], ["apply", "--help"],
        ):  # fmt: skip
            with pytest.MonkeyPatch.context() as patch:
                from nova_iac.retry import RetryPolicy

                patch.setattr("nova_iac.cli.session.RETRY", RetryPolicy(attempts=1))
                result = project.run(*command, "-e", "remote", env=env)
            outputs += [result.out, result.err]

    assert CANARY not in "".join(outputs)
    for path in project.folder.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path
