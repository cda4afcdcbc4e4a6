"""Typed reading of requests: required fields, types, enums, UUIDs, instants (§3.2, §3.7).

A ``Reader`` goes over one JSON object; what is wrong is collected, and ``finish`` raises one 400 that names it all. Until
then a broken required field reads as a neutral value, so that the rest can be looked at too. Fields never asked for are
ignored, as the API ignores them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from nova_iac.emulator import times
from nova_iac.emulator.errors import BadRequest, NotEmulated

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)

Number = int | Decimal


def uuid(text: str, name: str) -> str:
    """A well-formed UUID in lower case; a malformed one is a 400 (§3.2)."""
    if not _UUID.fullmatch(text):
        raise BadRequest(f"{name} must be a UUID")
    return text.lower()


class Reader:
    """Reads the fields of one JSON object."""

    def __init__(self, value: object, where: str = "", problems: list[str] | None = None) -> None:
        self.where = where
        self.problems: list[str] = [] if problems is None else problems
        self.value: dict[str, Any] = {}
        if isinstance(value, dict):
            self.value = value
        else:
            self.problems.append(f"{where or 'the request body'} must be an object")

    def __contains__(self, name: str) -> bool:
        return name in self.value

    def __iter__(self) -> Iterable[str]:
        return iter(self.value)

    def given(self, name: str) -> bool:
        """Present and not null."""
        return self.value.get(name) is not None

    def null(self, name: str) -> bool:
        """Present as JSON null: the wish to clear a nullable field (§3.2)."""
        return name in self.value and self.value[name] is None

    def label(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def wrong(self, name: str, what: str) -> None:
        """Notes a problem with a field: ``what`` goes on from its name."""
        self.problems.append(f"{self.label(name)} {what}")

    def finish(self) -> None:
        """Raises one 400 for everything that was wrong so far."""
        if self.problems:
            raise BadRequest("; ".join(dict.fromkeys(self.problems)))

    def only(self, names: Collection[str]) -> None:
        """For the few objects that refuse unknown fields (§3.2)."""
        for name in self.value:
            if name not in names:
                self.wrong(name, "is not a field of this call")

    def refuse(self, names: Iterable[str]) -> None:
        """501 for a term that the emulator hasn't; null and empty values ask for nothing and pass."""
        for name in names:
            if self.value.get(name) not in (None, [], {}, ""):
                raise NotEmulated(f"the field {self.label(name)}")

    def _take(self, name: str, *, required: bool, nullable: bool) -> Any:
        if name not in self.value:
            if required:
                self.wrong(name, "is required")
            return None
        if self.value[name] is None and not nullable:
            self.wrong(name, "must not be null")
        return self.value[name]

    # Each kind of value comes twice: required, and "maybe" (None when absent).

    def text(self, name: str, *, least: int = 0, most: int | None = None) -> str:
        return self.maybe_text(name, least=least, most=most, required=True) or ""

    def maybe_text(
        self, name: str, *, least: int = 0, most: int | None = None, required: bool = False, nullable: bool = False
    ) -> str | None:
        value = self._take(name, required=required, nullable=nullable)
        if value is None:
            return None
        return value if self._is_text(name, value, least, most) else None

    def _is_text(self, name: str, value: object, least: int, most: int | None) -> bool:
        if not isinstance(value, str):
            self.wrong(name, "must be a string")
        elif len(value) < least or (most is not None and len(value) > most):
            span = f"{least} to {most}" if most is not None else f"at least {least}"
            self.wrong(name, f"must have {span} character(s)")
        else:
            return True
        return False

    def uuid(self, name: str) -> str:
        return self.maybe_uuid(name, required=True) or ""

    def maybe_uuid(self, name: str, *, required: bool = False) -> str | None:
        value = self._take(name, required=required, nullable=False)
        if value is None:
            return None
        if not isinstance(value, str) or not _UUID.fullmatch(value):
            self.wrong(name, "must be a UUID")
            return None
        return value.lower()

    def uuids(self, name: str) -> list[str]:
        return self.maybe_uuids(name, required=True) or []

    def maybe_uuids(self, name: str, *, required: bool = False) -> list[str] | None:
        values = self.maybe_texts(name, required=required)
        if values is None:
            return None
        if not all(_UUID.fullmatch(value) for value in values):
            self.wrong(name, "must hold UUIDs")
        return [value.lower() for value in values]

    def flag(self, name: str) -> bool:
        return bool(self.maybe_flag(name, required=True))

    def maybe_flag(self, name: str, *, required: bool = False, nullable: bool = False) -> bool | None:
        value = self._take(name, required=required, nullable=nullable)
        if value is None:
            return None
        if not isinstance(value, bool):
            self.wrong(name, "must be true or false")
            return None
        return value

    def number(self, name: str, *, least: Number | None = None, most: Number | None = None) -> Number:
        value = self.maybe_number(name, least=least, most=most, required=True)
        return 0 if value is None else value

    def maybe_number(
        self,
        name: str,
        *,
        least: Number | None = None,
        most: Number | None = None,
        required: bool = False,
        nullable: bool = False,
    ) -> Number | None:
        value = self._take(name, required=required, nullable=nullable)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self.wrong(name, "must be a number")
        elif least is not None and value < least:
            self.wrong(name, f"must be at least {least}")
        elif most is not None and value > most:
            self.wrong(name, f"must be at most {most}")
        else:
            return value
        return None

    def whole(self, name: str, *, least: int | None = None, most: int | None = None) -> int:
        """A required number without a fraction (3.0 counts: official clients send floats)."""
        return self.maybe_whole(name, least=least, most=most, required=True) or 0

    def maybe_whole(
        self,
        name: str,
        *,
        least: int | None = None,
        most: int | None = None,
        required: bool = False,
        nullable: bool = False,
    ) -> int | None:
        value = self.maybe_number(name, least=least, most=most, required=required, nullable=nullable)
        if value is None:
            return None
        if value != int(value):
            self.wrong(name, "must be a whole number")
            return None
        return int(value)

    def enum(self, name: str, values: Collection[str], *, lower: bool = False) -> str:
        return self.maybe_enum(name, values, lower=lower, required=True) or ""

    def maybe_enum(self, name: str, values: Collection[str], *, lower: bool = False, required: bool = False) -> str | None:
        """One of the values, either case in; UPPER CASE out, or lower case for the few enums that are (§3.2)."""
        value = self._take(name, required=required, nullable=False)
        if value is None:
            return None
        folded = (value.lower() if lower else value.upper()) if isinstance(value, str) else None
        if folded not in values:
            self.wrong(name, f"must be one of {', '.join(values)}")
            return None
        return folded

    def instant(self, name: str, *, hour: bool = False) -> datetime:
        value = self.maybe_instant(name, hour=hour, required=True)
        return times.EPOCH if value is None else value

    def maybe_instant(self, name: str, *, hour: bool = False, required: bool = False, nullable: bool = False) -> datetime | None:
        """An RFC 3339 timestamp; with ``hour`` it must be on an hour boundary (§3.7)."""
        value = self._take(name, required=required, nullable=nullable)
        if value is None:
            return None
        try:
            instant = times.parse(value if isinstance(value, str) else "")
        except ValueError:
            self.wrong(name, "must be an RFC 3339 timestamp")
            return None
        if hour and not times.on_the_hour(instant):
            self.wrong(name, "is required to be on an hour boundary")
            return None
        return instant

    def texts(self, name: str, *, least: int = 0, most: int | None = None) -> list[str]:
        return self.maybe_texts(name, least=least, most=most, required=True) or []

    def maybe_texts(
        self,
        name: str,
        *,
        least: int = 0,
        most: int | None = None,
        required: bool = False,
        shortest: int = 0,
        longest: int | None = None,
    ) -> list[str] | None:
        """An array of strings: ``least`` to ``most`` of them, each with ``shortest`` to ``longest`` characters."""
        values = self._array(name, least=least, most=most, required=required)
        if values is None:
            return None
        kept = [value for value in values if self._is_text(f"{name}[]", value, shortest, longest)]
        return kept if len(kept) == len(values) else None

    def maybe_values(self, name: str, *, longest: int | None = None, required: bool = False) -> dict[str, str] | None:
        """An object whose values are all strings."""
        value = self._take(name, required=required, nullable=False)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong(name, "must be an object of strings")
            return None
        kept = {key: item for key, item in value.items() if self._is_text(f"{name}.{key}", item, 0, longest)}
        return kept if len(kept) == len(value) else None

    def maybe_any_object(self, name: str) -> dict[str, Any] | None:
        """An object of the caller's own making, kept as it is."""
        value = self._take(name, required=False, nullable=False)
        if value is not None and not isinstance(value, dict):
            self.wrong(name, "must be an object")
            return None
        return value

    def maybe_object(self, name: str, *, required: bool = False, nullable: bool = False) -> Reader | None:
        value = self._take(name, required=required, nullable=nullable)
        return None if value is None else Reader(value, self.label(name), self.problems)

    def objects(self, name: str, *, least: int = 0, most: int | None = None) -> list[Reader]:
        return self.maybe_objects(name, least=least, most=most, required=True) or []

    def maybe_objects(self, name: str, *, least: int = 0, most: int | None = None, required: bool = False) -> list[Reader] | None:
        values = self._array(name, least=least, most=most, required=required)
        if values is None:
            return None
        return [Reader(value, f"{self.label(name)}[{at}]", self.problems) for at, value in enumerate(values)]

    def maybe_text_lists(self, name: str) -> list[list[str]] | None:
        """An array of arrays of strings."""
        values = self._array(name, least=0, most=None, required=False)
        if values is None:
            return None
        if not all(isinstance(value, list) and all(isinstance(item, str) for item in value) for value in values):
            self.wrong(name, "must be an array of arrays of strings")
            return None
        return values

    def _array(self, name: str, *, least: int, most: int | None, required: bool) -> list[Any] | None:
        value = self._take(name, required=required, nullable=False)
        if value is None:
            return None
        if not isinstance(value, list):
            self.wrong(name, "must be an array")
            return None
        if len(value) < least or (most is not None and len(value) > most):
            self.wrong(name, f"must have {least} to {most} items" if most is not None else "must not be empty")
            return None
        return value


class Query:
    """Reads the query string: everything is text, arrays are comma-joined (§4)."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values

    def text(self, name: str) -> str | None:
        return self.values.get(name)

    def flag(self, name: str) -> bool:
        value = self.values.get(name, "false").lower()
        if value not in ("true", "false"):
            raise BadRequest(f"{name} must be true or false")
        return value == "true"

    def texts(self, name: str, *, most: int) -> list[str] | None:
        value = self.values.get(name)
        if value is None:
            return None
        items = [item for item in value.split(",") if item]
        if len(items) > most:
            raise BadRequest(f"{name} must have at most {most} items")
        return items

    def uuids(self, name: str, *, most: int) -> list[str] | None:
        values = self.texts(name, most=most)
        return None if values is None else [uuid(value, name) for value in values]

    def uuid(self, name: str) -> str | None:
        value = self.values.get(name)
        return None if value is None else uuid(value, name)

    def instant(self, name: str) -> datetime | None:
        value = self.values.get(name)
        if value is None:
            return None
        try:
            # An unescaped plus arrives as a blank.
            return times.parse(value.replace(" ", "+"))
        except ValueError:
            raise BadRequest(f"{name} must be an RFC 3339 timestamp") from None

    def enum(self, name: str, values: Collection[str], *, lower: bool = False) -> str | None:
        value = self.values.get(name)
        if value is None:
            return None
        folded = value.lower() if lower else value.upper()
        if folded not in values:
            raise BadRequest(f"{name} must be one of {', '.join(values)}")
        return folded
