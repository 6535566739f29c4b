"""Where the real service's behaviour is not publicly known for certain: one switch for each doubt."""

from typing import Literal

from azure_devops_emulator.description.shapes import Shape


class Behaviour(Shape):
    """The switches, each with the default that the public evidence suggests.

    Args:
        simple_json: offer index pages as JSON (PEP 691) to those who ask for it.
        head_allowed: answer HEAD on index pages and downloads instead of 405.
        other_spellings: find a package by a name that is not normalised.
        root_lists_packages: list the packages on the root page of an index.
        trailing_route_parameter: end the route template of index pages with one more, optional, parameter.
        anonymous_options: answer OPTIONS without credentials.
        version_required: refuse a REST request that names no api-version.
        slash_after_location: end every locationUrl with a slash.
        sign_in: what those get whose token is not accepted and who do not suppress it: a challenge (401),
            a redirect to the sign-in page (302), or that page itself (203).
        authority: the sign-in authority that challenges name.
        save_permission: the permission that is missing when a Reader asks for a version to be saved.
        readers_read_permissions: let every reader of a feed list its permissions, not only its owners.
        negotiate_first: on premises, offer Negotiate and NTLM before Basic.
        assertion_seconds: how long the assertions of federated service connections live.
    """

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
