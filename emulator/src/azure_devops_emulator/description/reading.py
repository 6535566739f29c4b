"""What is known while an organisation file is read: who is named in it, and what was read already."""

import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, PlainValidator, ValidationInfo, model_validator

from azure_devops_emulator.description.shapes import Shape, fault, follows, nearest, wrong_kind

DEFAULT_VIEWS = ("Local", "Prerelease", "Release")
FEDERATION_SCHEME = "WorkloadIdentityFederation"
_NAMESPACE = uuid.UUID("6f0f5d9e-3f57-5c0b-9d7c-2d1f5a3c8e10")
_KEYS = {
    "project": "projects",
    "tenant": "tenants",
    "application": "applications",
    "identity": "identities",
    "private index": "private_indexes",
}


def stable_id(*names: str) -> str:
    """A GUID that is always the same for the same names."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(names).lower()))


def build_service(project: str, organization: str) -> str:
    """The name of a build service."""
    return f"{project} Build Service ({organization})"


class Reading:
    """The context of the validators of one organisation file.

    Names are gathered before anything is validated: they are known wherever they stand in the file, and
    whatever else is wrong there.

    Args:
        data: the parsed file.
        base: what folders in it are relative to.

    Attributes:
        organization: the organisation's name.
        tenant: id of the organisation's own tenant, as soon as it is read.
        names: what each kind of things is called.
        views: the names of each feed's views.
        found: what was read already, of each kind, by name and by id in lower case.
    """

    def __init__(self, data: Mapping[str, object], base: Path) -> None:
        self.base = base
        self.tenant = ""
        self.organization = _text(data.get("organization"), "name")
        self.names = {kind: _names(data, key) for kind, key in _KEYS.items()}
        self.names["federated connection"] = [
            _text(entry, "name")
            for entry in _entries(data, "service_connections")
            if _text(entry, "scheme") == FEDERATION_SCHEME
        ]
        projects = (*self.names["project"], "Project Collection")
        others = [build_service(name, self.organization) for name in projects] + self.names["application"]
        self.found: dict[str, dict[str, object]] = defaultdict(dict)
        self.found["identity"] |= dict.fromkeys(name.lower() for name in others)
        self.names["identity"] += others
        self.views = {
            feed_address(entry): [*DEFAULT_VIEWS, *_names(entry, "views")]
            for entry in _entries(data, "feeds")
        }


def feed_address(data: object) -> str:
    """How people write a feed, from its table: `feed`, or `project/feed`."""
    return "/".join(filter(None, (_text(data, "project"), _text(data, "name"))))


def _text(data: object, key: str) -> str:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, str) else ""


def _entries(data: object, key: str) -> list[object]:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, list) else []


def _names(data: object, key: str) -> list[str]:
    return [name for entry in _entries(data, key) if (name := _text(entry, "name"))]


def _not_empty(name: str) -> str:
    if not name:
        raise fault("empty-name", "A name must not be empty")
    return name


def _guid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise wrong_kind("a GUID") from None


Name = Annotated[str, AfterValidator(_not_empty)]
Guid = Annotated[str, AfterValidator(_guid)]
"""In lower case; where it is not given, it follows from the name."""


def name_of(kind: str, pattern: str, rule: str = "") -> AfterValidator:
    """Checks how something of a kind is called, by a regular expression."""

    def check(name: str) -> str:
        if not re.fullmatch(pattern, name):
            raise fault("bad-name", f"{kind} cannot be called {name!r}", rule)
        return name

    return AfterValidator(check)


def known(kind: str) -> Callable[[str, ValidationInfo], str]:
    """Checks that something of a kind is called so."""

    def check(name: str, info: ValidationInfo) -> str:
        names = info.context.names[kind]
        if name not in names:
            raise fault("unknown-name", f"There is no {kind} {name!r}", nearest(name, names))
        return name

    return check


def found(kind: str) -> PlainValidator:
    """Finds what is called so among what was read already."""

    def find(name: object, info: ValidationInfo) -> object:
        if name is None:
            return None
        if not isinstance(name, str):
            raise wrong_kind("a text")
        if name.lower() not in info.context.found[kind]:
            known(kind)(name, info)
            raise follows()  # it is named, but something is wrong with it
        return info.context.found[kind][name.lower()]

    return PlainValidator(find)


class Named(Shape):
    """Something with a name of its own among those of its kind, and perhaps a GUID.

    Args:
        name: its name.
    """

    called: ClassVar[str]
    id_key: ClassVar[str] = "id"
    name: Name

    @property
    def address(self) -> str:
        """What others call it."""
        return self.name

    @classmethod
    def address_in(cls, data: object) -> str:
        """The same, from its table."""
        return _text(data, "name")

    @model_validator(mode="before")
    @classmethod
    def _identify(cls, data: object, info: ValidationInfo) -> object:
        """Derive the GUID where none is given."""
        if not info.context or not isinstance(data, dict) or cls.id_key not in cls.keys():
            return data
        return {cls.id_key: stable_id(info.context.organization, cls.called, cls.address_in(data)), **data}

    @model_validator(mode="after")
    def _register(self, info: ValidationInfo) -> "Named":
        if info.context:
            others = info.context.found[self.called]
            keys = [key.lower() for key in (self.address, getattr(self, self.id_key, "")) if key]
            for key in keys:
                if key in others:
                    raise fault("twice", f"There are 2 of the {self.called} {key!r}")
            others.update(dict.fromkeys(keys, self))
        return self
