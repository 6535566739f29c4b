"""What an earlier run stored, and what the user stored."""

import pytest

from support.organisation import TOKEN, Organisation
from support.task import Connection, Task, environment

OLD = "https://build:old-canary@h.example/simple"
NEW = Connection.login(1, "https://new.example/simple", "u", "p")
URL = "https://u:p@new.example/simple"


@pytest.mark.parametrize(
    "old",
    [
        OLD,
        "https://old-canary@h.example/simple",
        f"https://plain.example/simple {OLD}",
        f"{OLD}  https://other:old-canary@i.example/\n",
        "https://user:old-canary%40%2F@h.example/",
        "https://user:p@ss:old-canary@h.example/",
        "https://user:old-canary/with/slash@h.example/",
        "https://user:old-canary?#@h.example/",
    ],
)
def test_a_credential_in_a_variable_that_is_not_set_anew_is_erased(task: Task, old: str) -> None:
    run = task.run(environment(connections=[NEW], PIP_EXTRA_INDEX_URL=old))
    assert run.result == "Succeeded"
    assert run.variables == {"PIP_INDEX_URL": URL, "PIP_EXTRA_INDEX_URL": ""}
    assert any("PIP_EXTRA_INDEX_URL" in line for line in run.plain)
    assert run.leaks("old-canary") == []


def test_it_is_erased_also_where_the_run_fails(task: Task) -> None:
    run = task.run(environment(feeds="a/b/c", PIP_INDEX_URL=OLD, PIP_EXTRA_INDEX_URL=f"{OLD} {OLD}"))
    assert run.failed_cleanly()
    assert run.variables == {"PIP_INDEX_URL": "", "PIP_EXTRA_INDEX_URL": ""}
    assert run.leaks("old-canary") == []


def test_it_is_erased_also_where_nothing_is_named(task: Task) -> None:
    run = task.run(environment(PIP_INDEX_URL=OLD))
    assert run.variables == {"PIP_INDEX_URL": ""}


def test_with_only_extra_the_old_primary_index_goes(task: Task) -> None:
    run = task.run(environment(connections=[NEW], only_extra="true", PIP_INDEX_URL=OLD))
    assert run.variables == {"PIP_INDEX_URL": "", "PIP_EXTRA_INDEX_URL": URL}


@pytest.mark.parametrize("feeds", ["", "a/b/c"])
def test_a_value_without_credential_is_the_users_own(task: Task, feeds: str) -> None:
    own = "https://mirror.example/feed@view/simple https://mirror.example:8443/_packaging/a@b/pypi/simple"
    run = task.run(environment(feeds=feeds, PIP_EXTRA_INDEX_URL=own))
    assert "PIP_EXTRA_INDEX_URL" not in run.variables


def test_an_empty_value_is_left_alone(task: Task) -> None:
    run = task.run(environment(connections=[NEW], PIP_EXTRA_INDEX_URL=""))
    assert run.variables == {"PIP_INDEX_URL": URL}


def test_what_is_replaced_is_said_without_its_secret(task: Task) -> None:
    run = task.run(environment(connections=[NEW], PIP_INDEX_URL=OLD))
    assert run.variables == {"PIP_INDEX_URL": URL}
    said = [line for line in run.plain if "PIP_INDEX_URL" in line and "h.example/simple" in line]
    assert len(said) == 1
    assert run.leaks("old-canary") == []


def test_a_users_own_value_that_is_replaced_is_said_too(task: Task) -> None:
    run = task.run(environment(connections=[NEW], PIP_INDEX_URL="https://mirror.example/simple"))
    assert run.variables == {"PIP_INDEX_URL": URL}
    assert any("https://mirror.example/simple" in line for line in run.plain)


def test_a_second_run_in_one_job_leaves_nothing_of_the_first(task: Task, hosted: Organisation) -> None:
    first = task.run(environment(feeds="a,b", organisation=hosted))
    second = task.run({**environment(feeds="c", organisation=hosted), **first.variables})
    later = {**first.variables, **second.variables}
    assert later == {
        "PIP_INDEX_URL": hosted.index("c").replace("://", f"://build:{TOKEN}@"),
        "PIP_EXTRA_INDEX_URL": "",
    }


def test_failing_leaves_the_users_own_and_the_other_variables_alone(task: Task) -> None:
    own = "https://mirror.example/simple"
    run = task.run(environment(only_extra="yes", PIP_INDEX_URL=own, PIP_EXTRA_INDEX_URL=OLD, PIP_CERT="x"))
    assert run.failed_cleanly()
    assert run.variables == {"PIP_EXTRA_INDEX_URL": ""}
