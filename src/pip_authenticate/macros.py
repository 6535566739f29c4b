"""Macros of Azure Pipelines that are left in an input: the agent replaces those of variables that exist."""

import re

from pip_authenticate.errors import InputError

_MACRO = r"\$\(([^()$\s]{1,200})\)"


def removed(text: str, *, is_list: bool) -> tuple[str, list[InputError]]:
    """A text without what holds a macro, and what is wrong with that.

    Args:
        text: of the input.
        is_list: whether it has entries, of which the others stay; else nothing stays.
    """
    names = dict.fromkeys(re.findall(_MACRO, text))
    if not names:
        return text, []
    fault = InputError(
        "undefined-variable",
        f"uses {', '.join(f'$({name})' for name in names)}: "
        f"the variable {' and '.join(names)} is not defined",
        hint="Define it before this step, or correct its name; a template writes ${{ parameters.name }}.",
    )
    entries = re.split("[,\r\n]", text) if is_list else []
    return ",".join(entry for entry in entries if not re.search(_MACRO, entry)), [fault]
