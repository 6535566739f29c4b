"""What an earlier run stored, and what is the user's own."""

import pytest

from support.organisation import TOKEN, Organisation
from support.task import Connection, Task, environment, stored

OLD = "https://build:old-canary@h.example/simple"
NEW = Connection.login(1, "https://new.example/simple", "u", "p")
URL = "https://u:p@new.example/simple"
OWN = (
    "https://mirror.example/simple",
    "https://ci:own-canary@nexus.example/simple",
    "https://own-canary@h.example/",
    "https://pypi.example/own-canary/simple/ https://i.example/",
    "user:own-canary@h",
)


def test_what_an_earlier_run_stored_is_erased(task: Task) -> None:
    run = task.run(environment(connections=[NEW]) | stored(PIP_EXTRA_INDEX_URL=f"{OLD} {OLD}"))
    assert run.result == "Succeeded"
    assert run.variables == {"PIP_INDEX_URL": URL, "PIP_EXTRA_INDEX_URL": ""}
    assert any("PIP_EXTRA_INDEX_URL" in line and "h.example" in line for line in run.plain)
    assert run.leaks("old-canary") == []


def test_it_is_erased_also_where_the_run_fails(task: Task) -> None:
    old = stored(PIP_INDEX_URL=OLD, PIP_EXTRA_INDEX_URL=f"{OLD} {OLD}")
    run = task.run(environment(feeds="a/b/c") | old)
    assert run.failed_cleanly()
    assert run.variables == {"PIP_INDEX_URL": "", "PIP_EXTRA_INDEX_URL": ""}
    assert run.leaks("old-canary") == []


def test_it_is_erased_also_where_nothing_is_named(task: Task) -> None:
    assert task.run(environment() | stored(PIP_INDEX_URL=OLD)).variables == {"PIP_INDEX_URL": ""}


def test_with_only_extra_the_primary_index_of_an_earlier_run_goes_with_a_warning(task: Task) -> None:
    run = task.run(environment(connections=[NEW], only_extra="true") | stored(PIP_INDEX_URL=OLD))
    assert run.variables == {"PIP_INDEX_URL": "", "PIP_EXTRA_INDEX_URL": URL}
    (warning,) = run.warnings
    assert "PIP_INDEX_URL" in warning
    assert "pip asks its own primary index again" in warning


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("feeds", ["", "a/b/c"])
@pytest.mark.parametrize("name", ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"])
def test_what_no_run_stored_is_the_users_own(task: Task, feeds: str, own: str, name: str) -> None:
    run = task.run(environment(feeds=feeds, only_extra="true") | {name: own})
    assert run.variables == {}
    assert run.leaks("own-canary") == []


@pytest.mark.parametrize("own", OWN)
def test_the_machines_primary_index_stays_where_only_extra_ones_are_added(task: Task, own: str) -> None:
    run = task.run(environment(connections=[NEW], only_extra="true", PIP_INDEX_URL=own))
    assert run.variables == {"PIP_EXTRA_INDEX_URL": URL}
    assert run.warnings == []
    assert run.leaks("own-canary") == []


@pytest.mark.parametrize("own", OWN)
def test_a_strangers_extra_index_stays_with_a_warning(task: Task, own: str) -> None:
    run = task.run(environment(connections=[NEW], PIP_EXTRA_INDEX_URL=own))
    assert run.variables == {"PIP_INDEX_URL": URL}
    (warning,) = run.warnings
    assert "PIP_EXTRA_INDEX_URL was not set by this task and stays" in warning
    assert "installs the highest version" in warning
    host = own.partition("://")[2].partition("/")[0].rpartition("@")[2]
    assert (host or "an address that cannot be read") in warning
    assert run.leaks("own-canary") == []


def test_a_value_that_was_changed_after_a_run_stored_it_is_the_users_own(task: Task) -> None:
    changed = {**stored(PIP_EXTRA_INDEX_URL=OLD), "PIP_EXTRA_INDEX_URL": f"{OLD} https://mine.example/"}
    run = task.run(environment(connections=[NEW]) | changed)
    assert run.variables == {"PIP_INDEX_URL": URL}


def test_an_empty_value_is_left_alone(task: Task) -> None:
    run = task.run(environment(connections=[NEW], PIP_EXTRA_INDEX_URL=""))
    assert run.variables == {"PIP_INDEX_URL": URL}


@pytest.mark.parametrize("own", [OLD, *OWN])
def test_of_what_is_replaced_the_host_is_shown_and_nothing_else(task: Task, own: str) -> None:
    run = task.run(environment(connections=[NEW], PIP_INDEX_URL=own))
    assert run.variables == {"PIP_INDEX_URL": URL}
    (said,) = [line for line in run.plain if line.startswith("PIP_INDEX_URL is replaced")]
    host = own.partition("://")[2].partition("/")[0].rpartition("@")[2]
    assert (host or "an address that cannot be read") in said
    assert run.leaks("old-canary", "own-canary") == []


def test_a_second_run_in_one_job_leaves_nothing_of_the_first(task: Task, hosted: Organisation) -> None:
    first = task.run(environment(feeds="a,b", organisation=hosted))
    second = task.run({**environment(feeds="c", organisation=hosted), **first.later})
    assert {**first.variables, **second.variables} == {
        "PIP_INDEX_URL": hosted.index("c").replace("://", f"://build:{TOKEN}@"),
        "PIP_EXTRA_INDEX_URL": "",
    }
    third = task.run({**environment(), **first.later, **second.later})
    assert third.variables == {"PIP_INDEX_URL": ""}
    assert third.hidden == {"PIP_AUTHENTICATE_STORED": ""}


def test_the_memory_is_no_secret_and_shows_none(task: Task, hosted: Organisation) -> None:
    run = task.run(environment(feeds="a,b", organisation=hosted))
    (memory,) = run.hidden.values()
    assert [entry.partition("=")[0] for entry in memory.split(" ")] == [
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
    ]
    assert TOKEN not in memory
    assert run.leaks(memory) == []


def test_failing_leaves_the_users_own_and_the_other_variables_alone(task: Task) -> None:
    own = "https://mirror.example/simple"
    old = stored(PIP_EXTRA_INDEX_URL=OLD)
    run = task.run(environment(only_extra="yes", PIP_INDEX_URL=own, PIP_CERT="x") | old)
    assert run.failed_cleanly()
    assert run.variables == {"PIP_EXTRA_INDEX_URL": ""}
