"""What a kind of resource declares, and the small values in which it is asked and answers.

A kind is data (fields and how each may change) and the few functions that know Metronome's endpoints. It never compares, never
orders and never sends: the planner does the first two, the executor the last.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, ClassVar, Final, Literal

from nova_iac import schema_files
from nova_iac.errors import Diagnostic
from nova_iac.kinds.block import Block
from nova_iac.kinds.lookup import Declared, Names
from nova_iac.kinds.shapes import Shape, Struct, as_keys, canonical, compile_shape, fits, references, unknown
from nova_iac.kinds.sighting import Sighting
from nova_iac.remote import Client, Endpoint
from nova_iac.resource import Action, Address, Attributes, RemoteObject, Resource, Value
from nova_iac.timeline import Post


class Mutability(Enum):
    """How a field may change after its object was created."""

    UPDATE = "update"
    UPDATE_FROM_DATE = "update from a date"
    APPEND = "a timeline that entries are added to"
    REPLACE = "needs a new object"
    FIXED = "can't change"
    COMPUTED = "set by Metronome"


class _NotClearable:
    """The default of a field that the API can set but never clear."""

    def __repr__(self) -> str:
        return "NOT_CLEARABLE"


NOT_CLEARABLE: Final = _NotClearable()


@dataclass(frozen=True, slots=True)
class Field:
    """How one field behaves.

    default is what the account holds when the field was never set, and what an omitted field that was recorded goes back to.
    readable is False for what the API takes and never returns: such a field is compared with its recorded value.
    """

    mutability: Mutability
    default: Value = NOT_CLEARABLE
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that a kind is asked to express as calls.

    desired are the attributes that shall hold (after an archive: none); changed names the fields to be sent, resets included,
    their values in after. before are the live attributes, or the recorded ones where the account wasn't read.
    id is the object's id, None where it is being created. effective is the instant from which a dated change holds, or
    ``moment.NEXT_HOUR``. covered are addresses that this task is done for besides its own (the metric that a product is moved
    off). children are recorded resources that go with an archived parent.
    """

    address: Address
    action: Action
    id: str | None = None
    desired: Attributes = field(default_factory=dict)
    before: Attributes = field(default_factory=dict)
    after: Attributes = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    effective: str | None = None
    posts: tuple[Post, ...] = ()
    live: RemoteObject | None = None
    covered: tuple[Address, ...] = ()
    children: tuple[Address, ...] = ()
    now: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that apply will make, as data.

    params are the SDK method's arguments; they may hold Ref (an id to come), Decimal, FiatId and EffectiveAt.
    covers names the addresses that it is made for. creates is the address whose id the answer brings. sets gives, by address,
    the fields that are in place once it is done. unique asks for the contract-like ``uniqueness_key``.
    frees and takes name what only one object can hold, as `Kind.claimed` does: what takes one comes after what frees it.
    """

    endpoint: Endpoint
    params: Mapping[str, Any]
    covers: tuple[Address, ...]
    creates: Address | None = None
    sets: Mapping[Address, tuple[str, ...]] = field(default_factory=dict)
    unique: bool = False
    frees: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FiatId:
    """The credit type id of a currency, looked up in the account when the call is sent."""

    code: str


@dataclass(frozen=True, slots=True)
class EffectiveAt:
    """An instant in a call: a canonical text, or ``moment.NEXT_HOUR``, which is fixed when the call is sent."""

    instant: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """One resource whose live state is asked for: recorded (with an id, except rates), or desired and not recorded."""

    address: Address
    id: str | None
    recorded: Attributes | None
    desired: Attributes | None


@dataclass(frozen=True, slots=True)
class Hazard:
    """A danger of a task: a guard's code, and what would happen, in a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Caution:
    """What to know of a task though nothing stands in its way: a warning's code, its fixed summary, and a sentence."""

    code: str
    summary: str
    detail: str


class Kind(ABC):
    """One kind of resource. Subclasses declare the class variables and write the few functions.

    name, section, parent: the word in addresses, the section in the YAML, and the kind it is nested under.
    fields: every property of its schema. identity: in words, by which an unrecorded object is recognised.
    archivable: whether the API can archive it; what can't be archived is ended, or forgotten with its parent.
    replace_order: which of the two comes first in a replacement.
    when_archived: what an object that was archived behind our back means: it is made again, it is replaced and what uses it is
    moved to the new one, or the user has to decide.
    archive_covers: child kinds that Metronome archives together with their parent.
    adopted_by: whether ``--adopt`` takes an object of equal identity, or only one that is equal in all fields.
    exclusive: no two live objects can share an identity, so one that is found stands in the way.
    claims: fields whose members one object at a time can hold; an archived one holds them until they are cleared.
    ignorable: what ``ignore_changes`` can name besides fields (the section of a child kind that takes its parent's lifecycle).
    """

    name: ClassVar[str]
    section: ClassVar[str]
    parent: ClassVar[str | None] = None
    identity: ClassVar[str]
    fields: ClassVar[Mapping[str, Field]]
    archivable: ClassVar[bool] = True
    replace_order: ClassVar[Literal["create first", "archive first"]] = "create first"
    when_archived: ClassVar[Literal["create", "replace", "refuse"]] = "create"
    archive_covers: ClassVar[tuple[str, ...]] = ()
    adopted_by: ClassVar[Literal["identity", "equality"]] = "equality"
    exclusive: ClassVar[bool] = False
    claims: ClassVar[tuple[str, ...]] = ()
    ignorable: ClassVar[tuple[str, ...]] = ()

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The kind's JSON Schema."""
        return schema_files.read(f"kinds/{self.name}.schema.json")

    @cached_property
    def shape(self) -> Shape:
        """The compiled shape of the schema."""
        return compile_shape(self.schema, schema_files.definitions())

    @cached_property
    def appends(self) -> str | None:
        """The field that is a timeline, for a kind whose objects are only ever added to."""
        return next((name for name, part in self.fields.items() if part.mutability is Mutability.APPEND), None)

    @cached_property
    def _fields_shape(self) -> Mapping[str, Shape]:
        return self.shape.fields if isinstance(self.shape, Struct) else {}

    def canonical(self, attributes: Attributes) -> dict[str, Value]:
        """Attributes in canonical form."""
        shapes = self._fields_shape
        return {name: canonical(value, shapes[name]) for name, value in attributes.items()}

    def claimed(self, attributes: Attributes) -> frozenset[str]:
        """What no other object can hold at the same time: ``FIELD MEMBER`` for each member of ``claims``."""
        return frozenset(f"{name} {member}" for name in self.claims for member in attributes.get(name) or ())

    def references(self, attributes: Attributes) -> list[Address]:
        """The addresses that canonical attributes name."""
        shapes = self._fields_shape
        return [address for name, value in attributes.items() for address in references(value, shapes[name])]

    def reference_fields(self, attributes: Attributes, address: Address) -> tuple[str, ...]:
        """The fields whose value names an address."""
        shapes = self._fields_shape
        return tuple(name for name, value in attributes.items() if address in references(value, shapes[name]))

    # --- desired state -------------------------------------------------------------------------------------------------

    def expand(self, block: Block, blocks: Mapping[Address, Block]) -> tuple[list[Resource], list[Diagnostic]]:
        """The resources that a block declares, and what is wrong with it beyond its schema. One resource, by default."""
        attributes = self.canonical(block.data)
        depends = self.references(attributes)
        if self.parent:
            depends.insert(0, Address.of(self.parent, block.address.keys[0]))
        resource = Resource(block.address, attributes, block.location, block.lifecycle, tuple(dict.fromkeys(depends)))
        return [resource], [*self._check_ignored(block), *self.check(block, blocks)]

    def _check_ignored(self, block: Block) -> Iterable[Diagnostic]:
        """``ignore_changes`` names what can be ignored; a slip of the pen would ignore nothing."""
        known = (*self.fields, *self.ignorable)
        for index, name in enumerate(block.lifecycle.ignore_changes):
            if name not in known:
                yield block.problem(
                    "NV314", "Unknown field in ignore_changes",
                    f"a {self.name} has no {name}; it has {', '.join(known)}.", "lifecycle", "ignore_changes", index,
                )  # fmt: skip

    def check(self, block: Block, blocks: Mapping[Address, Block]) -> Iterable[Diagnostic]:  # noqa: ARG002
        """Offline checks of one block beyond its schema (NV3xx)."""
        return ()

    def check_all(self, declared: Declared) -> Iterable[Diagnostic]:  # noqa: ARG002
        """Offline checks over all resources (the same alias twice, a product that nothing prices)."""
        return ()

    def after(self, resource: Resource, declared: Declared) -> Iterable[Address]:  # noqa: ARG002
        """Resources that must be in place before this one though it doesn't refer to them."""
        return ()

    def renamed(self, address: Address, old: Address, new: Address) -> Address | None:
        """What an address of this kind becomes when another resource's key changed; None if it is not concerned."""
        if self.parent == old.kind and address.keys[0] == old.keys[0]:
            return Address.of(self.name, new.keys[0], *address.keys[1:], selector=address.selector)
        return None

    # --- calls ---------------------------------------------------------------------------------------------------------

    @abstractmethod
    def calls(self, tasks: Sequence[Task]) -> Iterable[Call]:
        """The calls that carry out tasks of this kind, each task's in their order. One call may cover many tasks."""

    def refuses(self, field_name: str, dependants: Sequence[Address]) -> str | None:  # noqa: ARG002
        """Why a field can't change though its mutability says that it can, given what depends on the resource."""
        return None

    def hazards(self, task: Task) -> Iterable[Hazard]:  # noqa: ARG002
        """The dangers of a task."""
        return ()

    def cautions(self, task: Task) -> Iterable[Caution]:  # noqa: ARG002
        """What to know of a task, as warnings."""
        return ()

    # --- live state ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def read(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, RemoteObject]:
        """The live objects of recorded resources, in the fewest calls. What isn't in the answer doesn't exist."""

    @abstractmethod
    def find(self, wanted: Sequence[Wanted], client: Client, names: Names) -> Mapping[Address, Sequence[RemoteObject]]:
        """Live objects that an unrecorded desired resource could be, by natural identity."""

    def is_scheduled(self, live: RemoteObject, now: str) -> bool:  # noqa: ARG002
        """Whether something of an object is still to come, which a change would have to repeat."""
        return False

    def unsound(self, attributes: Attributes) -> str | None:
        """What makes attributes ones that were never recorded of this kind; None if they could have been."""
        if (unknown := next((name for name in attributes if name not in self.fields), None)) is not None:
            return f"the unknown attribute {unknown!r}"
        shapes = self._fields_shape
        return next(
            (f"a value of {name} that has a wrong type" for name, value in attributes.items() if not fits(value, shapes[name])),
            None,
        )

    def made_under(self, uniqueness_key: str, params: Mapping[str, Any], client: Client) -> str | None:  # noqa: ARG002
        """The id of the live object that was created under a uniqueness key, for kinds whose create takes one."""
        return None

    def reads(self, wanted: Sequence[Wanted]) -> int:
        """About how many calls read() will make, for an estimate."""
        return 1 if wanted else 0

    def project(self, field_name: str, live: Value, declared: Value, recorded: Value) -> Value:  # noqa: ARG002
        """A live value as far as it can be compared with a declared one; what can't be read is taken from the record."""
        return live

    # --- taking an account under code ----------------------------------------------------------------------------------

    @abstractmethod
    def survey(self, client: Client, parents: Sequence[str], now: str) -> Iterable[Sighting]:
        """Every live object of this kind in the account; archived ones aren't.

        :param parents: the ids of all live objects of the parent's kind, for a kind that is listed by them.
        :param now: a canonical instant, for telling what is still to come.
        """

    def as_declared(self, live: Attributes) -> dict[str, Value]:
        """What a person would declare of a live object: nothing that is so by default."""
        return {
            name: value
            for name, part in self.fields.items()
            if (value := live.get(name)) is not None and (part.default is NOT_CLEARABLE or value != part.default)
        }

    def block_data(self, resources: Mapping[Address, Attributes], blocks: Mapping[Address, Block]) -> Value:  # noqa: ARG002
        """The data of the one block that declares these resources, references as keys: the inverse of ``expand``."""
        (attributes,) = resources.values()
        shapes = self._fields_shape
        return {name: as_keys(attributes[name], shapes[name]) for name in self.fields if name in attributes}

    def key_words(self, attributes: Attributes) -> Sequence[str]:
        """What an object could be called, the best first: its key is made of it."""
        return [str(attributes.get("name") or "")]

    def unknown_references(self, attributes: Attributes) -> list[tuple[str, str, str]]:
        """Field, kind and id of each object that live attributes refer to and that no name is known for."""
        shapes = self._fields_shape
        return [(name, kind, text) for name, shape in shapes.items() for kind, text in unknown(attributes.get(name), shape)]

    # --- words ---------------------------------------------------------------------------------------------------------

    def describe(self, attributes: Attributes) -> str:
        """One line for people."""
        return str(attributes.get("name", ""))
