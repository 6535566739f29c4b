"""The emulator's errors: data first, text second."""


class EmulatorError(Exception):
    """Root of every error that the emulator raises on purpose.

    No field ever holds a secret; text that came from outside may be in any of them,
    so whoever prints an error escapes it first.

    Args:
        slug: kebab-case name of the kind of failure; stable, for tests and searches.
        what: one sentence that says what happened.
        context: what it happened to (a file, a line, a name), or empty.
        hint: what the person should do now, or empty.
    """

    def __init__(self, slug: str, what: str, *, context: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.slug = slug
        self.what = what
        self.context = context
        self.hint = hint

    def __str__(self) -> str:
        """The one line a person reads: what happened, to what, and what to do."""
        text = self.what
        if self.context:
            text += f" ({self.context})"
        if text[-1:] not in ".!?":
            text += "."
        return f"{text} {self.hint}".rstrip()


class InputError(EmulatorError, ValueError):
    """What the user gave (a pipeline, an organisation, an option) cannot be used.

    It is a ValueError, so that validators of pydantic may raise it.
    """


class ServiceError(EmulatorError):
    """A service outside did not answer, or not as its documentation says."""


class Faults(EmulatorError):  # noqa: N818 - a group of errors, not one more kind
    """Several errors found in one go, so that a person mends all of them at once.

    Args:
        errors: at least one error, in the order in which they were found.
    """

    def __init__(self, errors: list[EmulatorError]) -> None:
        super().__init__("several-faults", "; ".join(error.what for error in errors))
        self.errors = tuple(errors)


def each(error: EmulatorError) -> tuple[EmulatorError, ...]:
    """The single errors that an error stands for: a group's members, or the error itself."""
    return error.errors if isinstance(error, Faults) else (error,)
