"""Where signing in leads: to a page of ours, whatever a link from elsewhere says."""

import pytest

from standwatch.console.signing_in import our_path


@pytest.mark.parametrize(
    "path",
    [
        "", "you", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example/",
        "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "/\r//evil.example", " //evil.example",
        "/you\\..\\..", "/\u200b/evil.example", "/" + "a" * 2_000,
    ],
)  # fmt: skip
def test_what_browsers_read_as_another_site_leads_home(path: str) -> None:
    """Browsers drop tabs and line ends of an address, and take a backslash for a slash (WHATWG URL, 4.4)."""
    assert our_path(path) == "/"


@pytest.mark.parametrize("path", ["/", "/approvals/01m7q5cqg9e008000000000001", "/?as_of=12", "/runs?q=//x"])
def test_a_page_of_ours_is_gone_on_to(path: str) -> None:
    assert our_path(path) == path
