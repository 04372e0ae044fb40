"""One attempt to deliver one message: takes its form, signs it, hands it over, and reads what the other side says."""

import asyncio
import smtplib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Final
from urllib.parse import urlsplit

import msgspec

from standwatch.facts.errors import Malformed, StandwatchError
from standwatch.facts.notifying import Channel, Slack, Smtp, Webhook
from standwatch.notify import mail, slack, webhook
from standwatch.notify.delivery import Delivery, Failure

_GONE: Final = 410
_MAIL_PATIENCE: Final = mail.DEADLINE + mail.PATIENCE


class Answer(msgspec.Struct, frozen=True):
    """What a webhook's receiver said."""

    status: int
    retry_after: str = ""


Headers = Sequence[tuple[str, str]]
Post = Callable[[str, Headers, bytes], Awaitable[Answer]]
"""Posts once, follows nothing, verifies TLS, and raises `StandwatchError` where there is no answer."""
Addresses = Callable[[Smtp, tuple[str, ...]], tuple[str, ...]]
"""Whom a mail about systems goes to."""


class Sender:
    """`environment` holds the secrets that channels name; `mails` is where mail servers are waited for."""

    def __init__(
        self, post: Post, environment: Mapping[str, str], addresses: Addresses, mails: Executor
    ) -> None:
        self._post = post
        self._environment = environment
        self._addresses = addresses
        self._mails = mails

    def problem(self, channel: Channel) -> str:
        """Why nothing can be sent there as things are; "" for nothing."""
        try:
            if channel.webhook is not None:
                self._url(channel.webhook)
                webhook.key_of(self._secret(channel.webhook.secret_env))
            elif channel.slack is not None:
                self._url(channel.slack)
            elif channel.smtp is not None:
                self._login(channel.smtp)
        except StandwatchError as error:
            return str(error)
        return ""

    async def send(self, channel: Channel, delivery: Delivery, now: int) -> str | Failure:
        """One attempt at `now`: what to remark about a success, or why it was none. Raises nothing else."""
        try:
            if channel.webhook is not None:
                return await self._webhook(channel.webhook, delivery, now)
            if channel.slack is not None:
                headers = [("content-type", "application/json")]
                return _read(
                    await self._post(self._url(channel.slack), headers, slack.body(delivery.message))
                )
            assert channel.smtp is not None
            return await self._mail(channel.smtp, delivery)
        except StandwatchError as error:
            return Failure(str(error))
        except smtplib.SMTPException as error:
            return Failure(_smtp(error))
        except (OSError, TimeoutError) as error:
            return Failure(f"{type(error).__name__}: {error.strerror or 'no answer'}")

    async def _webhook(self, hook: Webhook, delivery: Delivery, now: int) -> str | Failure:
        content = webhook.body(delivery.message)
        headers = webhook.signed(self._secret(hook.secret_env), delivery.id, now, content)
        return _read(await self._post(self._url(hook), headers, content))

    async def _mail(self, smtp: Smtp, delivery: Delivery) -> str | Failure:
        to = self._addresses(smtp, delivery.message.systems)
        if not to:
            return Failure("there is nobody to write to", final=True)
        composed, login = mail.compose(delivery.message, smtp, to), self._login(smtp)
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._mails, mail.send, composed, smtp, to, login)
        return await asyncio.wait_for(work, _MAIL_PATIENCE)

    def _login(self, smtp: Smtp) -> tuple[str, str] | None:
        return (self._secret(smtp.user_env), self._secret(smtp.password_env)) if smtp.user_env else None

    def _secret(self, name: str) -> str:
        found = self._environment.get(name, "")
        if not found:
            raise Malformed(f"{name} is not in the server's environment", code="no_secret")
        return found

    def _url(self, where: Webhook | Slack) -> str:
        url = where.url
        if not url.startswith("${"):
            return url
        name = url[2:-1]
        url = self._secret(name)
        parts = urlsplit(url)  # what the configuration says was checked when it was read; this was not
        if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise Malformed(f"{name} holds no https address", code="bad_secret")
        return url


def _read(answer: Answer) -> str | Failure:
    if 200 <= answer.status < 300:
        return ""
    if 300 <= answer.status < 400:
        return Failure(f"answered {answer.status}: redirects are not followed")
    seconds = answer.retry_after if answer.retry_after.isdecimal() and len(answer.retry_after) < 7 else "0"
    return Failure(f"answered {answer.status}", final=answer.status == _GONE, wait=int(seconds) * 1_000_000)


def _smtp(error: smtplib.SMTPException) -> str:
    """What a mail server said, without its words: they are a stranger's."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server answered {error.smtp_code}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"all {len(error.recipients)} recipients refused"
    return f"the mail server: {type(error).__name__}"
