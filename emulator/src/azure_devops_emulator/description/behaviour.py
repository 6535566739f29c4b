"""Where the real service's behaviour is not publicly known for certain: one switch for each doubt."""

from typing import Literal

from azure_devops_emulator.description.shapes import Shape

BuiltInTask = Literal["absent", "present", "wins", "ambiguous"]
"""Whether the organisation has the built-in task PipAuthenticate, and what its name then means."""


class Behaviour(Shape):
    """The switches, explained in `examples/organization.toml`; the public evidence suggests the defaults."""

    simple_json: bool = False
    head_allowed: bool = False
    other_spellings: bool = False
    root_lists_packages: bool = False
    trailing_route_parameter: bool = False
    anonymous_options: bool = False
    version_required: bool = True
    slash_after_location: bool = True
    sign_in: Literal["challenge", "redirect", "page"] = "challenge"
    authority: str = "https://login.windows.net"
    save_permission: str = "AddUpstreamPackage"
    readers_read_permissions: bool = False
    negotiate_first: bool = True
    assertion_seconds: int = 600
    built_in_task: BuiltInTask = "absent"
    session_tokens_for: Literal["persons", "applications", "anyone"] = "persons"
    session_token_refusal: int = 401
    session_token_seconds: int = 24 * 3600
    tenant_header: bool = True
    managed_identity_seconds: int = 24 * 3600 - 1
    bare_resource_as_scope: bool = False
    device_interval: int = 5
    device_seconds: int = 900
    device_slow_down: bool = False
    device_declined: Literal["authorization_declined", "access_denied"] = "authorization_declined"
