"""What the validators of an organisation file know of the whole file; names, and what they stand for."""

import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from azure_devops_emulator.description.shapes import Shape, no_such, text, wrong_kind
from azure_devops_emulator.errors import InputError

DEFAULT_VIEWS = ("Local", "Prerelease", "Release")
FEDERATION_SCHEME = "WorkloadIdentityFederation"
_NAMESPACE = uuid.UUID("6f0f5d9e-3f57-5c0b-9d7c-2d1f5a3c8e10")
_KINDS = {
    "projects": "project",
    "tenants": "tenant",
    "applications": "application",
    "identities": "identity",
    "feeds": "feed",
    "private_indexes": "private index",
    "service_connections": "service connection",
}


def stable_id(*names: str) -> str:
    """A GUID that is always the same for the same names."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(names).lower()))


def build_service(project: str, organization: str) -> str:
    """The name of a build service."""
    return f"{project} Build Service ({organization})"


class Reading:
    """The validators' context: known are all names, wherever they stand, and whatever else is wrong there.

    Args:
        data: the parsed file; ids that follow from names are added where they are not given.
        base: what folders in it are relative to.

    Attributes:
        tenant: the organisation's own, once that is read.
        names: of all that the file has, by kind.
        views: the names of each feed's, by the feed's address in lower case.
        found: what was read already, by kind, and by name (in lower case) and id.
    """

    def __init__(self, data: dict[str, Any], base: Path) -> None:
        self.base = base
        self.organization = next((_text(top, "name") for top in _entries([data.get("organization")])), "")
        self.tenant = ""
        self.names: dict[str, list[str]] = defaultdict(list)
        self.views: dict[str, list[str]] = {}
        self.found: dict[str, dict[str, Any]] = defaultdict(dict)
        for key, kind in _KINDS.items():
            for entry in _entries(data.get(key)):
                name = _text(entry, "name")
                if kind == "feed":
                    name = "/".join(filter(None, (_text(entry, "project"), name)))
                    views = [_text(view, "name") for view in _entries(entry.get("views"))]
                    self.views[name.lower()] = [*DEFAULT_VIEWS, *views]
                elif kind == "service connection" and _text(entry, "scheme") == FEDERATION_SCHEME:
                    self.names["federated connection"].append(name)
                self.names[kind] += filter(None, [name])
                if kind != "private index":
                    id_key = "client_id" if kind == "application" else "id"
                    entry.setdefault(id_key, stable_id(self.organization, kind, name))
        builds = [*self.names["project"], "Project Collection"]
        others = [build_service(name, self.organization) for name in builds] + self.names["application"]
        self.names["identity"] += others
        self.found["identity"] |= dict.fromkeys(name.lower() for name in others)


def reading(info: ValidationInfo) -> Reading:
    """The context of a validator."""
    assert isinstance(info.context, Reading)  # noqa: S101 - given with every organisation file
    return info.context


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _entries(value: object) -> Iterator[dict[str, Any]]:
    return (entry for entry in (value if isinstance(value, list) else []) if isinstance(entry, dict))


def _not_empty(name: str) -> str:
    if not name:
        raise InputError("empty-name", "A name must not be empty")
    return name


def _guid(written: str) -> str:
    try:
        return str(uuid.UUID(written))
    except ValueError:
        raise wrong_kind("a GUID") from None


Name = Annotated[str, AfterValidator(_not_empty)]
Guid = Annotated[str, AfterValidator(_guid)]
"""In lower case."""


def name_of(kind: str, pattern: str, rule: str = "") -> AfterValidator:
    """Checks how something of a kind is called, by a regular expression."""

    def check(name: str) -> str:
        if not re.fullmatch(pattern, name):
            raise InputError("bad-name", f"{kind} cannot be called {name!r}", hint=rule)
        return name

    return AfterValidator(check)


def known(kind: str) -> Callable[[str, ValidationInfo], str]:
    """Checks that something of a kind is called so."""

    def check(name: str, info: ValidationInfo) -> str:
        names = reading(info).names[kind]
        if name not in names:
            raise no_such(kind, name, names)
        return name

    return check


def found(kind: str) -> Callable[[object, ValidationInfo], Any]:
    """Finds what is called so, or has this id, among what was read already."""

    def find(value: object, info: ValidationInfo) -> Any:  # noqa: ANN401 - the type stands beside the validator
        name = text(value)
        if name.lower() not in reading(info).found[kind]:
            known(kind)(name, info)
            raise PydanticCustomError("follows", "")  # it is named, but something is wrong with it
        return reading(info).found[kind][name.lower()]

    return find


class Named(Shape):
    """Something with a name of its own among those of its kind, and perhaps a GUID."""

    called: ClassVar[str]
    name: Name

    @property
    def address(self) -> str:
        """What others call it."""
        return self.name

    @property
    def origin(self) -> str:
        """What it is, in words, for packages that come from it."""
        return f"the {self.called} {self.address}"

    @model_validator(mode="after")
    def _register(self, info: ValidationInfo) -> "Named":
        if info.context:
            others = reading(info).found[self.called]
            ids = (getattr(self, key) for key in ("id", "client_id") if hasattr(self, key))
            keys = [self.address.lower(), *ids]
            for key in keys:
                if key in others:
                    raise InputError("twice", f"There are 2 of the {self.called} {key!r}")
            others.update(dict.fromkeys(keys, self))
        return self
