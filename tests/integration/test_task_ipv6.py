"""The same over IPv6: an address in brackets survives every URL on the way to pip."""

from pathlib import Path

from azure_devops_emulator import Agent, Organization, Pipeline, Service
from support.task import Task

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_two_identities_on_the_other_loopback_address(task: Task) -> None:
    with Service(Organization.load(EXAMPLES / "organization.toml"), host="::1") as service:
        agent = Agent(service=service, project="project1", task_dirs=[task.folder])
        result = agent.run(Pipeline.load(EXAMPLES / "two-identities.yml"))
    assert result.result == "Succeeded", "\n".join(result.log)
    assert any("index: http://[::1]:" in line for line in result.log)
    assert any(
        "Successfully installed HelloTestPackage-1.0.0 PartnerPackage-2.0.0" in line for line in result.log
    )
