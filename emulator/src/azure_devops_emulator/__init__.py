"""The local stand-in for an Azure DevOps organisation and its agent; loopback only.

The names listed in `__all__` are the public face: nothing else is meant for other programs. Each is
imported when it is first asked for, so that the command's help does not wait for a web server.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import SecretStr

    from azure_devops_emulator.agent import Agent, AgentProxy, JobResult, Timing
    from azure_devops_emulator.errors import EmulatorError
    from azure_devops_emulator.organization import Organization
    from azure_devops_emulator.pipeline import Pipeline
    from azure_devops_emulator.programs import Programs, SignedIn
    from azure_devops_emulator.proxy import ForwardProxy
    from azure_devops_emulator.service import Service
    from azure_devops_emulator.services.ci_identities import CiJob
    from azure_devops_emulator.services.faults import Fault
    from azure_devops_emulator.services.request_log import Record

__all__ = [
    "Agent",
    "AgentProxy",
    "CiJob",
    "EmulatorError",
    "Fault",
    "ForwardProxy",
    "JobResult",
    "Organization",
    "Pipeline",
    "Programs",
    "Record",
    "SecretStr",
    "Service",
    "SignedIn",
    "Timing",
]
__version__ = "1.0.0"

_HOMES = {
    "Agent": ".agent",
    "AgentProxy": ".agent",
    "CiJob": ".services.ci_identities",
    "EmulatorError": ".errors",
    "Fault": ".services.faults",
    "ForwardProxy": ".proxy",
    "JobResult": ".agent",
    "Organization": ".organization",
    "Pipeline": ".pipeline",
    "Programs": ".programs",
    "Record": ".services.request_log",
    "SecretStr": "pydantic",
    "Service": ".service",
    "SignedIn": ".programs",
    "Timing": ".agent",
}


def __getattr__(name: str) -> object:
    """A name of the public face, from the module that has it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
