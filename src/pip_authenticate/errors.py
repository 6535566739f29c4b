"""The errors of the project: data first, text second. Imports nothing of the project."""


class PipAuthenticateError(Exception):
    """Root of every error that the project raises on purpose.

    No field ever holds a secret; text that came from outside may be in any of them,
    so whoever prints an error escapes it first.

    Args:
        slug: kebab-case name of the kind of failure; stable, for tests and searches.
        what: one sentence that says what happened.
        context: what it happened to (an entry, a host, a status), or empty.
        hint: what the person should do now, or empty.
        link: a documentation page, or empty.
    """

    def __init__(self, slug: str, what: str, *, context: str = "", hint: str = "", link: str = "") -> None:
        super().__init__(what)
        self.slug = slug
        self.what = what
        self.context = context
        self.hint = hint
        self.link = link

    def __str__(self) -> str:
        """The one line a person reads: what happened, to what, and what to do."""
        text = self.what
        if self.context:
            text += f" ({self.context})"
        if text[-1:] not in ".!?":
            text += "."
        if self.hint:
            text += f" {self.hint}"
        if self.link:
            text += f" See {self.link}"
        return text

    def preceded(self, text: str) -> "PipAuthenticateError":
        """The same error, with words before what happened."""
        return type(self)(
            self.slug, f"{text}{self.what}", context=self.context, hint=self.hint, link=self.link
        )


class InputError(PipAuthenticateError):
    """What the user gave (an input, a service connection, a file) cannot be used."""


def not_a_url(rule: str) -> InputError:
    """The error that a text breaks a rule for URLs of indexes. It is not quoted: it may hold a secret."""
    return InputError("not-a-url", f"is not the URL of an index: {rule}")


class ServiceError(PipAuthenticateError):
    """A service did not answer, or not as its documentation says."""


def unanswered(host: str, why: str, *, slug: str) -> ServiceError:
    """The error that a host did not answer."""
    return ServiceError(
        slug,
        f"{host} did not answer: {why}",
        hint="Check that this machine reaches it, and through which proxy: HTTPS_PROXY, or an agent's own.",
    )


class NotHere(PipAuthenticateError):  # noqa: N818 - an answer: the next provider is asked
    """A provider has no credential here; nothing is broken."""


class DeliveryError(PipAuthenticateError):
    """The settings are known but cannot reach the steps that need them."""


class Cancelled(Exception):  # noqa: N818 - no error: somebody asked the run to stop
    """The run was asked to stop."""


class OutputLost(Exception):  # noqa: N818 - nobody is left who could be told of an error
    """What was to be written did not get out whole; nothing more may follow."""


class Faults(PipAuthenticateError):  # noqa: N818 - a group of errors, not one more kind
    """Several errors found in one go, so that a person mends all of them at once.

    Args:
        errors: at least one error, in the order in which they were found.
    """

    def __init__(self, errors: list[PipAuthenticateError]) -> None:
        super().__init__("several-faults", "; ".join(error.what for error in errors))
        self.errors = tuple(errors)


def each(error: PipAuthenticateError) -> tuple[PipAuthenticateError, ...]:
    """The single errors that an error stands for: a group's members, or the error itself."""
    return error.errors if isinstance(error, Faults) else (error,)
