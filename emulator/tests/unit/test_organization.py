"""Organisation files: what they mean, and how their faults are told."""

import uuid
from pathlib import Path

import pytest
from pydantic import SecretStr

from azure_devops_emulator.description.behaviour import Behaviour
from azure_devops_emulator.description.model import IdentityKind, Role
from azure_devops_emulator.errors import Faults, InputError, each
from azure_devops_emulator.organization import Organization
from emulator_support.service import ORGANIZATION

MINIMAL = '[organization]\nname = "acme"\n'
EXAMPLE = Path(__file__).parents[3] / "examples" / "organization.toml"


def faults(text: str, base: Path = Path()) -> list[str]:
    """The faults of an organisation file, in words."""
    with pytest.raises(Faults) as raised:
        Organization.parse(f"{text}\n{MINIMAL}", base)
    return [str(error) for error in each(raised.value)]


def test_the_example_is_what_the_documentation_needs() -> None:
    organization = Organization.load(EXAMPLE)
    feeds = {feed.address: feed for feed in organization.feeds}
    hello = [(d.name, str(d.version)) for d in feeds["project1/myTestFeed1"].distributions]
    assert hello == [("HelloTestPackage", "1.0.0")]
    assert "myTestFeed2" in feeds
    assert ("HelloTestPackage", "9.9.9") in [
        (d.name, str(d.version)) for d in organization.public.distributions
    ]
    connection = next(c for c in organization.service_connections if c.name == "pypitest")
    assert (connection.type, connection.scheme) == ("externalPythonDownloadFeed", "UsernamePassword")
    password = connection.parameters["password"]
    assert isinstance(password, SecretStr)
    assert set("%$") < set(password.get_secret_value())
    roles = {
        project.name: feeds["myTestFeed2"].role_of(organization.build_service(project))
        for project in organization.projects
    }
    assert roles == {"project1": Role.COLLABORATOR, "project2": Role.READER, "open-source": Role.NONE}
    assert organization.behaviour == Behaviour()


def test_ids_are_given_or_follow_from_names() -> None:
    given = str(uuid.uuid4())
    text = f'{MINIMAL}[[projects]]\nname = "p"\nid = "{given.upper()}"\n[[projects]]\nname = "q"\n'
    first, second = Organization.parse(text), Organization.parse(text)
    assert first.projects[0].id == given
    assert first.projects[1].id == second.projects[1].id == str(uuid.UUID(second.projects[1].id))
    assert first.project("P") == first.project(given.upper()) == first.projects[0]
    assert first.project("r") is None


def test_guids_may_be_written_in_any_way() -> None:
    tenant = uuid.uuid4()
    applications = '[[applications]]\nname = "one"\n'
    organization = Organization.parse(f'{MINIMAL}tenant = "{{{tenant.hex.upper()}}}"\n{applications}')
    assert organization.tenant_id == str(tenant)
    assert organization.applications[0].tenants == (str(tenant),)
    assert organization.identity("one") is not None


def test_every_project_and_the_collection_have_a_build_service() -> None:
    organization = Organization.parse(ORGANIZATION)
    project = organization.project("rockets")
    own = organization.build_service(project)
    everyone = organization.build_service(None)
    assert (own.name, own.kind) == ("rockets Build Service (acme)", IdentityKind.PROJECT_BUILD)
    assert everyone.name == "Project Collection Build Service (acme)"
    assert organization.identity(own.id) == organization.identity(own.name) == own
    assert organization.identity("nobody at all") is None


def test_a_feed_without_roles_has_those_of_a_new_feed() -> None:
    text = MINIMAL + (
        '[[projects]]\nname = "p"\n[[projects]]\nname = "q"\n'
        '[[feeds]]\nname = "f"\nproject = "p"\n[[feeds]]\nname = "g"\n'
    )
    organization = Organization.parse(text)
    services = [organization.build_service(organization.project(name)) for name in "pq"]
    services.append(organization.build_service(None))
    roles = [[feed.role_of(service) for service in services] for feed in organization.feeds]
    assert roles == [
        [Role.COLLABORATOR, Role.NONE, Role.COLLABORATOR],
        [Role.NONE, Role.NONE, Role.COLLABORATOR],
    ]


def test_every_feed_has_the_usual_views() -> None:
    organization = Organization.parse(ORGANIZATION)
    fuel, engines = organization.feeds[:2]
    assert [view.name for view in engines.views] == ["Local", "Prerelease", "Release"]
    assert fuel.views[0].promoted is None
    assert fuel.views[2].promoted == frozenset({("kerosene", "1.9")})
    assert fuel.views[2].open_to_organization
    assert engines.views[2].promoted == frozenset()


def test_upstreams_of_every_kind(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    text = MINIMAL + (
        '[[feeds]]\nname = "f"\n'
        'upstreams = [{ feed = "g", view = "release" }, { folder = "wheels" }, { packages = ["a==1"] },'
        ' { public = "stand-in" }, { public = "machine", name = "the world" }]\n'
        '[[feeds]]\nname = "g"\n[public]\npackages = ["b==2"]\n'
    )
    organization = Organization.parse(text, tmp_path)
    world = organization.feeds[0].upstreams
    assert [(upstream.feed, upstream.public) for upstream in world] == [
        ("g", ""), ("", ""), ("", ""), ("", "stand-in"), ("", "machine"),
    ]  # fmt: skip
    assert [upstream.name for upstream in world] == [
        "g@release", "wheels", "upstream", "the public index", "the world",
    ]  # fmt: skip
    assert [d.name for d in world[2].distributions] == ["a"]


def test_all_faults_are_told_at_once_and_by_name() -> None:
    told = faults(
        """
        [[projects]]
        nmae = "p"
        [[feeds]]
        name = "f"
        project = "q"
        rolse = {}
        [[feeds]]
        name = "_bad name"
        public = true
        packages = ["Hello", "x==not-a-version"]
        roles = { "Somebody" = "Reader", "Project Collection Build Service (acme)" = "King" }
        [behavior]
        [behaviour]
        simple_json = "yes"
        sign_in = "never"
        built_in_task = "presnt"
        """
    )
    for part in (
        "projects[1]: The key 'name' is missing (the organisation file). Give it a text.",
        "projects[1]: The key 'nmae' is not known here (the organisation file). Did you mean 'name'?",
        "feeds[1].project: There is no project 'q' (the organisation file, 'f')",
        "feeds[1]: The key 'rolse' is not known here (the organisation file, 'f'). Did you mean 'roles'?",
        "A feed cannot be called '_bad name'",
        "Only a feed of a public project can be public",
        "A made-up package is written name==version (Hello)",
        "A made-up package is written name==version (x==not-a-version)",
        "There is no identity 'Somebody'",
        "There is no role 'King'",
        "The key 'behavior' is not known here (the organisation file). Did you mean 'behaviour'?",
        "behaviour.simple_json has to be true or false",
        "behaviour.sign_in cannot be 'never'",
        "behaviour.built_in_task cannot be 'presnt'",
    ):
        assert [line for line in told if part in line], f"{part} is not in {told}"


def test_administrators_are_those_who_are_said_to_be() -> None:
    people = '[[identities]]\nname = "A"\nadministrator = true\n[[identities]]\nname = "B"\n'
    organization = Organization.parse(f'{people}[[projects]]\nname = "p"\n{MINIMAL}')
    assert [identity.name for identity in organization.identities if identity.administrator] == ["A"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[projects]]\nname = "a/b"', "A project cannot be called 'a/b'"),
        ('[[projects]]\nname = "p"\nid = "12"', "projects[1].id has to be a GUID"),
        ('[[projects]]\nname = "p"\n[[projects]]\nname = "P"', "There are 2 of the project 'p'"),
        ('[[projects]]\nname = "p"\nreaders = ["X"]', "There is no identity 'X'"),
        ('[[projects]]\nname = "p"\nreaders = [1]', "projects[1].readers[1] has to be a text"),
        ("[[projects]]\nname = 1", "projects[1].name has to be a text"),
        ('[[feeds]]\nname = ""', "feeds[1].name: A name must not be empty"),
        ('projects = ["p"]', "projects[1] has to be a mapping"),
        ('public = "p"', "public has to be a mapping"),
        ('[public]\nfolders = ["nowhere"]', "There is no such folder of packages"),
        ('[[feeds]]\nname = "f"\n[[feeds.upstreams]]\nfeed = "f"', "There is no other feed 'f'"),
        (
            '[[feeds]]\nname = "f"\n[[feeds.upstreams]]\nfeed = "g"\nview = "v"\n[[feeds]]\nname = "g"',
            "'g' has no view 'v'",
        ),
        ('[[feeds]]\nname = "f"\n[[feeds.upstreams]]', "exactly one of feed, folder, packages and public"),
        (
            '[[feeds]]\nname = "f"\n[[feeds.upstreams]]\nfolder = "x"\npublic = "machine"',
            "exactly one of feed, folder, packages and public",
        ),
        ('[[feeds]]\nname = "f"\n[[feeds.upstreams]]\npackages = ["a"]', "is written name==version"),
        (
            '[[feeds]]\nname = "f"\n[[feeds.views]]\nname = "Release"\npackages = ["a==1"]',
            "The feed has no 'a==1' to promote",
        ),
        (
            '[[identities]]\nname = "A"\ntokens = [{ value = "t", scopes = ["packaging"] }]',
            "There is no scope 'packaging'",
        ),
        (
            '[[identities]]\nname = "A"\ntokens = [{ value = "t", expires = "soon" }]',
            "tokens[1].expires has to be a date",
        ),
        ('[[private_indexes]]\nname = "a/b"\npassword = ""', "A private index cannot be called 'a/b'"),
        ('[[private_indexes]]\nname = "a"\nuser = "x:y"\npassword = ""', "has no colon"),
        (
            '[[variable_groups]]\nname = "g"\nvariables = { a = { valu = "x" } }',
            "The key 'valu' is not known",
        ),
        ('[[variable_groups]]\nname = "g"\n[[variable_groups]]\nname = "G"', "2 of the variable group 'g'"),
        (
            '[[service_connections]]\nname = "c"\nscheme = "Token"\nurl = "{private:x}"',
            "There is no placeholder '{private:x}'",
        ),
    ],
)
def test_one_fault(text: str, told: str, tmp_path: Path) -> None:
    lines = faults(text, tmp_path)
    assert len([line for line in lines if told in line]) == 1, lines


@pytest.mark.parametrize(
    "name", ["a b", "a@b", ".a", "_a", "a.", "a/b", "a:b", "x" * 65, "a$b", "a#b", 'a"b', "a[b"]
)
def test_feed_names_that_the_service_forbids(name: str) -> None:
    quoted = name.replace('"', '\\"')
    assert "cannot be called" in faults(f'[[feeds]]\nname = "{quoted}"')[0]


def test_a_fault_never_shows_a_secret() -> None:
    with pytest.raises(InputError) as raised:
        Organization.parse('[organization]\nname = "acme"\npassword = "hunter2')
    assert raised.value.slug == "broken-toml"
    assert "hunter2" not in str(raised.value)
    told = faults('[[private_indexes]]\nname = "a"\npassword = "hunter2"\npasword = "hunter2"')
    assert "hunter2" not in " ".join(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[organization\nname = 1", ["line 1", "Expected ']'"]),
        ("[organization]\nname = 1\nname = 2\n", ["line 3", "Cannot overwrite a value"]),
        ("[organization", ["end of document"]),
        ("a = " + "[" * 3000, ["nested too deeply"]),
    ],
)
def test_broken_toml_is_told_with_file_place_and_reason(tmp_path: Path, text: str, told: list[str]) -> None:
    file = tmp_path / "some.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="no valid TOML") as raised:
        Organization.load(file)
    assert all(part in str(raised.value) for part in [str(file), *told]), str(raised.value)


def test_faults_name_the_file_the_place_and_the_name(tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    file.write_text(MINIMAL + '[[feeds]]\nname = "f"\nroles = { "X" = "Reader" }\n', encoding="utf-8")
    with pytest.raises(Faults) as raised:
        Organization.load(file)
    (fault,) = each(raised.value)
    assert str(fault).startswith(f"feeds[1].roles.X: There is no identity 'X' ({file}, 'f'). ")


def test_what_only_follows_from_another_fault_is_not_told() -> None:
    told = faults('[[projects]]\nname = "p"\nid = "12"\n[[feeds]]\nname = "f"\nproject = "p"\npublic = true')
    assert len(told) == 1
    assert told[0].startswith("projects[1].id has to be a GUID")


def test_an_account_that_would_follow_from_a_faulty_name_is_not_told() -> None:
    assert [line.partition(" (")[0] for line in faults("[[identities]]\nname = 1")] == [
        "identities[1].name has to be a text"
    ]


def test_a_fault_in_what_has_no_name_is_told_with_the_name_around_it() -> None:
    (told,) = faults('[[feeds]]\nname = "f"\n[[feeds.upstreams]]\npublic = "nowhere"')
    assert "(the organisation file, 'f')" in told


@pytest.mark.parametrize(
    "name", ["A", "p Build Service (acme)", "Project Collection Build Service (acme)", "a"]
)
def test_identities_have_names_of_their_own(name: str) -> None:
    text = f'[[projects]]\nname = "p"\n[[identities]]\nname = "A"\n[[identities]]\nname = "{name}"'
    told = faults(text)
    assert len(told) == 1
    assert told[0].startswith(f"identities[2]: There are 2 of the identity {name.lower()!r}")


def test_roles_name_members_only() -> None:
    applications = (
        '[[tenants]]\nname = "t"\n[[applications]]\nname = "in"\n'
        '[[applications]]\nname = "out"\nmember = false\n'
        '[[applications]]\nname = "away"\ntenants = ["t"]\n'
    )
    roles = '[[feeds]]\nname = "f"\n[feeds.roles]\nin = "Reader"\nout = "Reader"\naway = "Reader"'
    told = faults(applications + roles)
    assert [line.partition(" (")[0] for line in told] == [
        "feeds[1].roles.out: There is no identity 'out'",
        "feeds[1].roles.away: There is no identity 'away'",
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file") as raised:
        Organization.load(tmp_path / "none.toml")
    assert raised.value.slug == "no-organisation-file"
    (tmp_path / "some.toml").write_bytes(b"\xff")
    with pytest.raises(InputError, match="no UTF-8"):
        Organization.load(tmp_path / "some.toml")


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "some.toml").write_text(MINIMAL, encoding="utf-8-sig")
    assert Organization.load(tmp_path / "some.toml").name == "acme"


def test_folders_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    file = tmp_path / "organization.toml"
    file.write_text(f'{MINIMAL}[public]\nfolders = ["wheels"]\n', encoding="utf-8")
    assert Organization.load(file).public.distributions == ()


def test_no_secret_shows_in_an_organisation() -> None:
    text = MINIMAL + (
        '[[identities]]\nname = "A"\ntokens = [{ value = "canary" }]\n'
        '[[private_indexes]]\nname = "i"\npassword = "canary"\n'
        '[[service_connections]]\nname = "c"\nscheme = "Token"\nurl = ""\n'
        'parameters = { apitoken = "canary", username = "plain" }\n'
    )
    organization = Organization.parse(text)
    shown = f"{organization!r} {organization} {organization.identities} {organization.model_dump_json}"
    assert "canary" not in shown
    assert "plain" in shown
