"""Warnings that come before anything is sent: about what an earlier step of a job can have set."""

from collections.abc import Iterator

from pip_authenticate.proxies import proxy_address
from pip_authenticate.redaction import hosts_in
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Settings


def of(settings: Settings) -> Iterator[str]:
    """Warnings that must come before anything is sent: where no value shows that a step has not set it."""
    asks = settings.artifact_feeds or settings.federation or settings.verify != "off"
    if not asks:
        return
    if settings.certificates.unchecked:
        yield (
            "Servers' certificates are not checked (Agent.SkipCertValidation): anybody in between can read "
            "what is sent, secrets included. The agent sets that, but any earlier step can, too."
        )
    if settings.proxy.url:
        yield (
            f"Requests go through the web proxy {_proxy_host(settings.proxy.url)} "
            "(Agent.ProxyUrl). The agent sets that, but any earlier step can, too."
        )
    told = {"HTTPS_PROXY": settings.proxy.https, "HTTP_PROXY": settings.proxy.http}
    told = {} if settings.proxy.url else told
    told["NODE_EXTRA_CA_CERTS"] = settings.certificates.extra_authorities
    for name in sorted(name for name, value in told.items() if value and name in settings.job_variables):
        what = f"the proxy {_proxy_host(told[name])}" if "PROXY" in name else "its file"
        yield (
            f"{name} is a variable of the job, not of the machine: an earlier step can have set it. "
            f"Requests of this step trust {what}."
        )


def _proxy_host(written: str) -> str:
    return hosts_in(Secret(proxy_address(written)[0]))
