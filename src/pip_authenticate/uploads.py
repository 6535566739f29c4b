"""Summaries that an agent uploads."""

import os

from pip_authenticate.logging_commands import AzurePipelines, portable


def summarize(markdown: str, folder: str, output: AzurePipelines) -> None:
    """Have the agent upload a summary; it masks nothing in that.

    Args:
        markdown: without any secret, so that a plain file will do.
        folder: where files live until the job ends: the agent reads them then.
        output: the agent.
    """
    path = os.path.join(folder, f"pip-authenticate-{os.urandom(4).hex()}.md")
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(markdown)
    except OSError as error:
        output.debug(f"No summary could be written: {error.strerror}")
    else:
        output.send("task.uploadsummary", {}, portable(path))
