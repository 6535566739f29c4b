"""The main job: from inputs to variables, as an agent's later steps see them."""


from support.organisation import TOKEN, Organisation
from support.task import Task, environment


def test_feeds_become_the_primary_and_the_extra_indexes(task: Task, hosted: Organisation) -> None:
    run = task.run(environment(feeds="project1/myTestFeed1, myTestFeed2", organisation=hosted))
    assert run.succeeded()
    host = hosted.address.removeprefix("http://")
    assert run.variables == {
        "PIP_INDEX_URL": f"http://build:{TOKEN}@{host}/pkgs/contoso/project1/_packaging/myTestFeed1/pypi/simple",
        "PIP_EXTRA_INDEX_URL": f"http://build:{TOKEN}@{host}/pkgs/contoso/_packaging/myTestFeed2/pypi/simple",
    }
    assert run.summary == "Successfully added auth for 2 internal feeds and 0 external endpoint."
    assert run.leaks(TOKEN) == []
