"""Who can have written each value of the settings: what a security review asks, and what tests hold to."""

INPUT = "an input of this step"
CONNECTION = "a connection that the agent hands over"
OPTION = "whoever runs the command: an option, a variable of the command, or a file of configuration"
VARIABLE = "a variable: any earlier step of the job can have written it"

WRITERS = {
    "artifact_feeds": INPUT,
    "connections": CONNECTION,
    "federation": CONNECTION,
    "feed_urls": INPUT,
    "federated_hosts": INPUT,
    "authority": INPUT,
    "oidc_request_uri": VARIABLE,
    "authority_host": VARIABLE,
    "only_add_extra_index": INPUT,
    "clients": INPUT,
    "verify": INPUT,
    "verify_package": INPUT,
    "project": VARIABLE,
    "collection_uris": VARIABLE,
    "is_hosted": VARIABLE,
    "system_connection": CONNECTION,
    "proxy": VARIABLE,
    "certificates": VARIABLE,
    "previous": VARIABLE,
    "aliases": VARIABLE,
    "remembered": VARIABLE,
    "job_variables": VARIABLE,
    "secret_variables": VARIABLE,
    "agent_os": VARIABLE,
    "agent_version": VARIABLE,
    "telemetry": VARIABLE,
    "unknown_inputs": VARIABLE,
    "faults": INPUT,
    "entries": OPTION,
    "project_folder": OPTION,
    "variables": VARIABLE,
    "listed": OPTION,
    "organization": OPTION,
    "organization_is_given": OPTION,
    "pipeline_organization": VARIABLE,
    "token": OPTION,
    "pipeline_token": VARIABLE,
    "credentials": OPTION,
    "credentials_are_chosen": OPTION,
    "scope": OPTION,
    "cache_folder": OPTION,
    "publish": INPUT,
    "temporary_folder": VARIABLE,
    "own_netrc": VARIABLE,
}
"""Who can have written each value of the settings."""
