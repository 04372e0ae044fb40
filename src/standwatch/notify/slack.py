"""Slack's incoming webhooks, and whatever takes the same: text that nothing parses, and no link but the console's."""

import msgspec

from standwatch.notify.message import Message, headline, plain

_HEADER = 150
_SECTION = 3_000
"""Characters that Slack takes in a header and in a section."""


def body(message: Message) -> bytes:
    """The payload. Blocks are `plain_text`, which has no markup; `text` is what notifications and other chats show."""
    title, text = headline(message), plain(message)
    return msgspec.json.encode(
        {
            "text": escaped(f"{title}\n{text}")[:_SECTION],
            "mrkdwn": False,
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
            "blocks": [
                {"type": "header", "text": _plain(title, _HEADER)},
                {"type": "section", "text": _plain(text, _SECTION)},
            ],
        }
    )


def escaped(text: str) -> str:
    """The three characters that control Slack's text (its documentation: "Escaping text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str, most: int) -> dict[str, object]:
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return {"type": "plain_text", "text": shown, "emoji": False}
