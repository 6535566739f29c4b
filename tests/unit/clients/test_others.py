"""What clients other than pip read, exactly."""

import configparser
from types import ModuleType

import pytest

from pip_authenticate.client_settings import ClientSettings, Wish
from pip_authenticate.clients import docker, hatch, netrc, pdm, pipenv, poetry, twine, uv
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret

JOB = Wish(can_unset=False)


def index(host: str, *names: tuple[str, str], secret: str = "s%", user: str = "u@") -> AuthenticatedIndex:
    url = IndexUrl.parse(f"https://{host}.example/simple/")[0]
    upload = IndexUrl.parse(f"https://{host}.example/upload/")[0]
    return AuthenticatedIndex(
        url, Credential(user, Secret(secret)), f"feed {host}", names=names, upload=upload
    )


A, B = index("a"), index("b")


def values(told: ClientSettings) -> dict[str, str]:
    return {variable.name: variable.value.reveal() for variable in told.variables}


def files(told: ClientSettings) -> list[tuple[str, tuple[str, ...]]]:
    return [(file.name, file.variables) for file in told.files]


NETRC = [("netrc", ("NETRC",))]


def test_uv_gets_addresses_of_what_the_project_does_not_name_and_logins_of_the_rest() -> None:
    named = index("n", ("uv", "my-feed.x"), ("poetry", "other"))
    told = uv.settings_for([A, named, B], Wish())
    assert values(told) == {
        "UV_DEFAULT_INDEX": "https://u%40:s%25@a.example/simple/",
        "UV_INDEX": "https://u%40:s%25@b.example/simple/",
        "UV_INDEX_MY_FEED_X_USERNAME": "u@",
        "UV_INDEX_MY_FEED_X_PASSWORD": "s%",
    }
    assert [variable.can_be_emptied for variable in told.variables] == [True, True, False, False]
    assert told.files == ()


def test_uv_gets_a_file_for_named_indexes_where_nothing_can_be_unset() -> None:
    told = uv.settings_for([A, index("n", ("uv", "n"))], JOB)
    assert values(told) == {"UV_DEFAULT_INDEX": "https://u%40:s%25@a.example/simple/"}
    assert files(told) == NETRC
    assert files(uv.settings_for([A], JOB)) == []


def test_uv_takes_a_name_that_a_person_gave_for_this_run() -> None:
    assert values(uv.settings_for([index("a", ("", "corp"))], Wish(only_extra=True))) == {
        "UV_INDEX": "corp=https://u%40:s%25@a.example/simple/"
    }


@pytest.mark.parametrize(("client", "by"), [(uv, "uv"), (poetry, "poetry")])
def test_two_names_that_become_one_variable(client: ModuleType, by: str) -> None:
    same = [index("a", (by, "my-feed")), index("b", (by, "my_feed"))]
    assert len(values(client.settings_for(same, Wish()))) == 2
    other = [same[0], index("b", (by, "my_feed"), secret="other")]
    with pytest.raises(DeliveryError) as refused:
        client.settings_for(other, Wish())
    assert refused.value.slug == "names-alike"


def test_poetry_gets_logins_as_they_are_of_sources_by_name() -> None:
    told = poetry.settings_for([index("a", ("poetry", "my-feed2"))], JOB)
    assert values(told) == {
        "POETRY_HTTP_BASIC_MY_FEED2_USERNAME": "u@",
        "POETRY_HTTP_BASIC_MY_FEED2_PASSWORD": "s%",
    }
    assert (told.files, told.warnings, told.notes) == ((), (), ())


@pytest.mark.parametrize("name", ["my.feed", "größe", "a b"])
def test_poetry_gets_a_file_and_a_warning_where_no_shell_could_export_the_variable(name: str) -> None:
    told = poetry.settings_for([index("a", ("poetry", name))], Wish())
    assert values(told) == {}
    assert files(told) == NETRC
    (warning,) = told.warnings
    assert f"the source {name} would hold a sign that no shell can export" in warning
    assert poetry.settings_for([index("a", ("poetry", name))], Wish(by_files=True)).warnings == ()


def test_poetry_is_told_which_sources_it_lacks() -> None:
    told = poetry.settings_for([A, index("b", ("poetry", "b"))], Wish())
    assert files(told) == NETRC
    (note,) = told.notes
    assert "`poetry source add NAME URL` adds feed a" in note
    assert "feed b" not in note


def test_pdm_gets_the_first_index_in_the_place_of_the_public_one() -> None:
    assert values(pdm.settings_for([A], Wish())) == {"PDM_PYPI_URL": "https://u%40:s%25@a.example/simple/"}
    assert files(pdm.settings_for([A], Wish())) == []
    assert files(pdm.settings_for([A, B], Wish())) == NETRC
    for told in (pdm.settings_for([A], JOB), pdm.settings_for([A], Wish(only_extra=True))):
        assert (values(told), files(told)) == ({}, NETRC)
        assert "name feed a there" in told.notes[0]
    named = pdm.settings_for([index("a", ("pdm", "x"))], Wish())
    assert (values(named), files(named), named.notes) == ({}, NETRC, ())


def test_pipenv_gets_an_address_without_a_credential_and_a_file() -> None:
    told = pipenv.settings_for([A, B], JOB)
    assert values(told) == {"PIPENV_PYPI_MIRROR": "https://a.example/simple/"}
    assert files(told) == NETRC
    assert "name feed b there" in told.notes[0]
    assert values(pipenv.settings_for([A], Wish(only_extra=True))) == {}
    assert values(pipenv.settings_for([index("a", ("pipenv", "x"))], Wish())) == {}


def test_hatch_gets_what_its_installers_read() -> None:
    assert values(hatch.settings_for([A, B], JOB)) == {
        "PIP_INDEX_URL": "https://u%40:s%25@a.example/simple/",
        "PIP_EXTRA_INDEX_URL": "https://u%40:s%25@b.example/simple/",
        "UV_DEFAULT_INDEX": "https://u%40:s%25@a.example/simple/",
        "UV_INDEX": "https://u%40:s%25@b.example/simple/",
    }


@pytest.mark.parametrize(
    ("client", "names"),
    [
        (uv, ("UV_PUBLISH_URL", "UV_PUBLISH_USERNAME", "UV_PUBLISH_PASSWORD")),
        (pdm, ("PDM_PUBLISH_REPO", "PDM_PUBLISH_USERNAME", "PDM_PUBLISH_PASSWORD")),
        (hatch, ("HATCH_INDEX_REPO", "HATCH_INDEX_USER", "HATCH_INDEX_AUTH")),
        (twine, ("TWINE_REPOSITORY_URL", "TWINE_USERNAME", "TWINE_PASSWORD")),
        (
            poetry,
            (
                "POETRY_REPOSITORIES_PIP_AUTHENTICATE_URL",
                "POETRY_HTTP_BASIC_PIP_AUTHENTICATE_USERNAME",
                "POETRY_HTTP_BASIC_PIP_AUTHENTICATE_PASSWORD",
            ),
        ),
    ],
)
def test_publishers_get_the_login_of_the_first_index_as_it_is(
    client: ModuleType, names: tuple[str, str, str]
) -> None:
    told = values(client.settings_for([A, B], Wish(publish=True)))
    assert [told[name] for name in names] == ["https://a.example/upload/", "u@", "s%"]
    by_files = client.settings_for([A, B], Wish(publish=True, by_files=True))
    assert not set(names[1:]) & set(values(by_files))
    warned = any("variables and arguments only" in text for text in by_files.warnings)
    assert warned == (client not in {twine, uv, poetry}), "of those a file has the login, too"


@pytest.mark.parametrize(
    ("client", "command"),
    [(uv, "uv publish --publish-url https://a.example/upload/"), (pdm, "pdm publish --repository https://a")],
)
def test_where_an_address_could_not_be_emptied_it_is_said_how_to_name_it(
    client: ModuleType, command: str
) -> None:
    told = client.settings_for([A], Wish(publish=True, can_unset=False))
    assert "https://a.example/upload/" not in values(told).values()
    assert any(command in note for note in told.notes)


@pytest.mark.parametrize("secret", ["plain", "100%(x)s", "a;b #c", "x = y: z", "[x]", "'q'", '"q"'])
def test_twine_reads_its_file_as_it_was_written(secret: str) -> None:
    told = twine.settings_for([index("a", secret=secret)], Wish(publish=True, can_unset=False))
    (file,) = told.files
    assert (told.variables, file.variables) == ((), ("PYPIRC_PATH",))
    parser = configparser.RawConfigParser()
    parser.read_string(file.content.reveal())
    assert dict(parser["pip-authenticate"]) == {
        "repository": "https://a.example/upload/",
        "username": "u@",
        "password": secret,
    }


@pytest.mark.parametrize("secret", [" x", "x ", "x\ny", "x\0", "\tx"])
def test_what_no_pypirc_can_hold_is_refused(secret: str) -> None:
    for one in (index("a", secret=secret), index("a", user=secret)):
        with pytest.raises(DeliveryError) as refused:
            twine.settings_for([one], Wish(publish=True, by_files=True))
        assert refused.value.slug == "pypirc-unfit"


def test_twine_does_nothing_where_nothing_is_published() -> None:
    told = twine.settings_for([A], Wish())
    assert (told.variables, told.files) == ((), ())
    assert told.notes == ("twine publishes only, and that was not asked for.",)


def test_docker_gets_a_file_of_its_own_and_lines_without_a_secret() -> None:
    told = docker.settings_for([A, B], Wish(own_netrc=Secret("machine own.example password own\n")))
    (file,) = told.files
    assert (file.name, file.variables) == ("docker-netrc", ("PIP_AUTHENTICATE_NETRC",))
    assert "own" not in file.content.reveal()
    build, run = told.notes
    assert '--secret "id=netrc,src=$PIP_AUTHENTICATE_NETRC"' in build
    assert "--mount=type=secret,id=netrc,target=/root/.netrc" in run
    assert "--index-url https://a.example/simple/ --extra-index-url https://b.example/simple/" in run


def test_netrc_gets_every_index() -> None:
    (file,) = netrc.settings_for([A, B], Wish()).files
    assert file.content.reveal().splitlines() == [
        "machine a.example login u@ password s%",
        "machine b.example login u@ password s%",
    ]
