"""Environments: where a spec can be applied, and all that is different there.

Only the environment's block decides about host and token variable; a token itself never stands in a spec.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from nova_iac.errors import Diagnostic, Location
from nova_iac.resource import Value
from nova_iac.spec import nodes
from nova_iac.spec.problems import instead, place, problem, shorten

DEFAULT_TOKEN_ENV: Final = "METRONOME_BEARER_TOKEN"
DEFAULT_BASE_URL: Final = "https://api.metronome.com"

_USERINFO: Final = re.compile(r"[^/]*//[^/?#]*@")


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment, defaults filled in.

    token_env names the environment variable that holds the token. base_url has no slash at its end. exclude and set are as
    written; set's values are plain data whose scalars are still text.
    """

    name: str
    location: Location
    emulator: bool = False
    token_env: str = DEFAULT_TOKEN_ENV
    base_url: str = DEFAULT_BASE_URL
    protected: bool = False
    exclude: tuple[str, ...] = ()
    set: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))


def read_environment(name: str, key: nodes.Scalar, data: Mapping[str, Value]) -> Environment:
    """An environment from its typed block."""
    return Environment(
        name=name,
        location=place(key),
        emulator=data.get("emulator", False),
        token_env=data.get("token_env", DEFAULT_TOKEN_ENV),
        base_url=data.get("base_url", DEFAULT_BASE_URL).rstrip("/"),
        protected=data.get("protected", False),
        exclude=tuple(data.get("exclude", ())),
        set=MappingProxyType(data.get("set", {})),
    )


def doubts(environment: Environment, block: nodes.Mapping) -> list[Diagnostic]:
    """Settings that the embedded emulator has no use for, and a password where it would get into the lockfile."""
    found = [
        problem("NV227", f"{name} means nothing beside emulator: true, which calls no host.", place(block.keys[name]))
        for name in ("token_env", "base_url")
        if environment.emulator and name in block.keys
    ]
    if _USERINFO.match(environment.base_url) and "base_url" in block.keys:
        key = place(block.keys["base_url"])
        detail = "base_url can't hold a user name or a password: write the host alone. The token is taken from token_env."
        found.append(problem("NV142", detail, key, source=f"{' ' * (key.column - 1)}base_url: …"))
    return found


def choose(
    known: Mapping[str, Environment], wanted: str | None, default: nodes.Scalar | None, file: str
) -> Environment | Diagnostic:
    """The environment to work in: the one that is asked for, else the default, else the only one; or why there is none.

    :param default: the node of ``default_environment``.
    """
    start = Location(file, 1, 1)
    if wanted is not None:
        return known.get(wanted) or unknown(wanted, known, start)
    if default is not None:
        return known.get(default.text) or unknown(default.text, known, place(default))
    if len(known) == 1:
        return next(iter(known.values()))
    if known:
        names = ", ".join(known)
        return problem("NV221", f"choose one of {names}: with -e, NOVA_ENV, or `default_environment:`.", start)
    return problem("NV221", "the spec has none: add `environments: {local: {emulator: true}}`.", start)


def unknown(name: str, known: Mapping[str, Environment], at: Location) -> Diagnostic:
    """What to say about the name of an environment that isn't there."""
    return problem("NV220", f"there is no environment {shorten(name)}; {instead(name, known)}", at)
