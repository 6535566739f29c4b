import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_devops_emulator.jobs.dotnet_uri import to_string

H = "https://h/"
RESERVED = "%2F%5C%3A%40%26%3D%2B%24%2C%3B%5B%5D%21%27%28%29%2A"


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://h/My%20Project/_packaging/f%40Local/", "https://h/My Project/_packaging/f%40Local/"),
        (f"{H}%25%3F%23", f"{H}%25%3F%23"),
        (H + RESERVED, H + RESERVED),
        (f"{H}%22%3C%3E%5E%60%7B%7C%7D%2D%2E%5F%7E%41%7a%30", f'{H}"<>^`{{|}}-._~Az0'),
        (f"{H}%00%0A%1f%7F%80%9f", f"{H}%00%0A%1f%7F%80%9f"),
        (f"{H}caf%C3%A9/%E6%97%A5%F0%9F%90%8D", f"{H}café/日🐍"),
        (f"{H}%C3x%C3%28%ED%A0%80%c3%A9", f"{H}%C3x%C3%28%ED%A0%80é"),
        (f"{H}%C2%85%E2%80%8E%EE%80%80%EF%BF%BF", f"{H}%C2%85%E2%80%8E%EE%80%80%EF%BF%BF"),
        (f"{H}100%zz%4", f"{H}100%25zz%254"),
        (f"{H}%", f"{H}%25"),
        (f"{H}%2f%2F%5b", f"{H}%2f%2F%5b"),
        ("  https://h/a b/é ", "https://h/a b/é"),
        ("https://h\\a\\b%5Cc?\\", "https://h/a/b%5Cc?\\"),
        (f"{H}a\\b%5Cc", f"{H}a/b%5Cc"),
        (f"{H}a/./b/../c/..", f"{H}a/"),
        (f"{H}../a/.", f"{H}a/"),
        (f"{H}a/%2e%2e/b", f"{H}a/../b"),
        ("HTTPS://User%20Name:p%41@HOST.Example/P", "https://User%20Name:p%41@host.example/P"),
        ("https://h:443/", "https://h/"),
        ("http://h:443/", "http://h:443/"),
        ("http://h:0080", "http://h/"),
        ("http://h:08080/x", "http://h:8080/x"),
        ("http://[::1]:8080/a%20b", "http://[::1]:8080/a b"),
        ("https://pkgs.dev.azure.com", "https://pkgs.dev.azure.com/"),
        (f"{H}a?q=%20%26?%3F#f%20", f"{H}a?q= %26?%3F#f "),
        ("https://h?x", "https://h/?x"),
        ("ftp://h/%20", "ftp://h/%20"),
        ("no url %20", "no url %20"),
        ("http://h:port/%20", "http://h:port/%20"),
        ("", ""),
    ],
)
def test_writes_an_address_as_dotnet_does(url: str, written: str) -> None:
    assert to_string(url) == written


@pytest.mark.parametrize(
    ("url", "written"),
    [
        (H + RESERVED, f"{H}/\\:@&=+$,;[]!'()*"),
        (f"{H}%25%3F%23%20", f"{H}%25%3F%23 "),
        (f"{H}%0A%zz", f"{H}\n%25zz"),
    ],
)
def test_or_as_its_documentation_says(url: str, written: str) -> None:
    assert to_string(url, unescape_reserved=True) == written


@given(text=st.text(), unescape_reserved=st.booleans())
def test_any_text_is_written(text: str, *, unescape_reserved: bool) -> None:
    to_string(text, unescape_reserved=unescape_reserved)
    written = to_string(H + text, unescape_reserved=unescape_reserved)
    assert written.startswith(H)
