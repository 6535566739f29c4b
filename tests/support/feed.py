"""An organisation with one feed, and a public index beside it."""

from azure_devops_emulator import Organization


def organization(packages: str, public: str, token: str, folders: str = "") -> Organization:
    """The organisation `fabrikam` with the feed `one`, which Ada's token opens.

    Args:
        packages: of the feed, as items of a list in TOML.
        public: those of the public index.
        token: Ada's.
        folders: whose files the feed has, too.
    """
    return Organization.parse(f"""
[organization]
name = "fabrikam"
[[projects]]
name = "alpha"
[[feeds]]
name = "one"
packages = [{packages}]
folders = [{folders}]
[feeds.roles]
"Ada Palmer" = "Feed Owner"
[[identities]]
name = "Ada Palmer"
[[identities.tokens]]
label = "Ada's"
value = "{token}"
scopes = ["app_token"]
[public]
packages = [{public}]
""")
