"""Telling people: e-mail, a webhook, and a heartbeat for a monitor. What happened and where to
look; never a result.

A job that never starts sends no mail: only a heartbeat that stays away, or `outcomes status` asked
from outside, shows that.
"""

from __future__ import annotations

import http.client
import json
import mimetypes
import os
import re
import smtplib
import ssl
import stat
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from outcomes.config.regular import read_bytes
from outcomes.config.toml import LARGEST
from outcomes.core.errors import StudyError
from outcomes.schedule.exit_codes import DeliveryError
from outcomes.schedule.schedule_file import LOOPBACK, Email, Notify

TIMEOUT = 20  # seconds, for every connection
_LARGEST = 15_000_000  # bytes; many mail servers refuse 20 MB, and base64 adds a third


@dataclass(frozen=True)
class Notice:
    """What people are told: a subject, and a few lines that say what happened and where to look."""

    subject: str
    lines: tuple[str, ...]
    #: Of a published run: its folder, its reports, and the folder of all reports.
    run: Path | None = None
    reports: tuple[Path, ...] = ()
    out: Path | None = None

    @property
    def text(self) -> str:
        """The body, with the folder of the run."""
        where = (f"The report is in {self.run}.",) if self.run else ()
        return "\n".join((*self.lines, *where, "", "This notice holds no results."))

    @property
    def attachable(self) -> bool:
        """Whether there are reports, of a size that mail servers take."""
        return 0 < sum(p.stat().st_size for p in self.reports) <= _LARGEST

    def linked(self, address: str) -> str:
        """The body, with the address of each report: below `address`, or as a file."""
        links = [
            f"{address.rstrip('/')}/{quote(p.relative_to(self.out).as_posix())}"
            if address and self.out
            else p.as_uri()
            for p in self.reports
        ]
        return replace(self, run=None, lines=(*self.lines, *links)).text if links else self.text


def channels(settings: Notify) -> tuple[str, ...]:
    """The ways a notice goes out."""
    return tuple(
        n for n, there in (("email", settings.email), ("webhook", settings.webhook_env)) if there
    )


def send(channel: str, notice: Notice, settings: Notify) -> None:
    """Send a notice by one channel. Raises DeliveryError; its message never shows an address that
    is a secret.
    """
    known = secrets(settings)
    if channel == "email" and settings.email:
        _mail(notice, settings.email, known)
    else:
        body = json.dumps({"text": f"{notice.subject}\n{notice.text}"}).encode()
        _request(_secret(known, settings.webhook_env), "webhook", body)


def heartbeat(settings: Notify) -> None:
    """Tell the monitor that a run ended well. Raises DeliveryError."""
    if settings.heartbeat_env:
        _request(_secret(secrets(settings), settings.heartbeat_env), "heartbeat", None)


def secrets(settings: Notify) -> Mapping[str, str]:
    """The environment, with what the secrets file adds to it (cron and Task Scheduler hand over
    none).

    Raises StudyError where the file is absent, readable by others, or not lines of NAME=value.
    """
    path = settings.env_file
    if path is None:
        return os.environ
    try:
        if os.name != "nt" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise StudyError(
                f"Others can read the secrets in {path}. Make them private: chmod 600 '{path}'."
            )
        lines = read_bytes(path, error=StudyError, largest=LARGEST).decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise StudyError(f"The secrets file {path} is not UTF-8 text.") from None
    except OSError as e:
        raise StudyError(
            f"The secrets file {path} cannot be read: {e.strerror or type(e).__name__}."
        ) from None
    found = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            if not (match := re.fullmatch(r"\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*", line)):
                raise StudyError(f"{path}, line {number}: expected NAME=value.")
            found[match[1]] = re.sub(r"^(['\"])(.*)\1$", r"\2", match[2])
    return {**found, **os.environ}


def _secret(known: Mapping[str, str], name: str) -> str:
    if value := known.get(name, "").strip():
        return value
    raise DeliveryError(f"The environment variable {name} is not set, so nobody could be told.")


def _mail(notice: Notice, to: Email, known: Mapping[str, str]) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = to.sender, ", ".join(to.to), notice.subject
    message["Date"], message["Message-ID"] = (
        formatdate(localtime=False),
        make_msgid(domain=to.sender.partition("@")[2]),
    )
    message["Auto-Submitted"] = "auto-generated"
    if to.report == "attached" and notice.attachable:
        words = (*notice.lines, "", "The report is attached; it is as confidential as the data.")
        message.set_content("\n".join(words))
        for path in notice.reports:
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            main, _, sub = kind.partition("/")
            data = path.read_bytes()
            charset = {"charset": "utf-8"} if main == "text" else {}
            message.add_attachment(
                data, maintype=main, subtype=sub, filename=path.name, params=charset
            )
    elif to.report == "link":
        message.set_content(notice.linked(to.address))
    else:
        message.set_content(notice.text)
    if to.user_env and to.security == "none" and to.host not in LOOPBACK:
        raise StudyError(
            'A password is not sent over an open connection: security = "starttls" or "tls".'
        )
    secure = ssl.create_default_context()
    try:
        if to.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                to.host, to.port, timeout=TIMEOUT, context=secure
            )
        else:
            server = smtplib.SMTP(to.host, to.port, timeout=TIMEOUT)
        with server:
            if to.security == "starttls":
                server.starttls(context=secure)
            if to.user_env:
                server.login(_secret(known, to.user_env), _secret(known, to.password_env))
            refused = server.send_message(message)
    except (OSError, smtplib.SMTPException, ValueError) as e:
        raise DeliveryError(
            f"The mail server {to.host}:{to.port} did not take the notice ({_why(e)})."
        ) from None
    if refused:
        raise DeliveryError(f"The mail server refused {len(refused)} of {len(to.to)} addresses.")


def _request(url: str, what: str, body: bytes | None) -> None:
    headers = {"User-Agent": "outcomes", **({"Content-Type": "application/json"} if body else {})}
    try:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise DeliveryError(f"The address of the {what} must begin with https://.")
        request = urllib.request.Request(url, data=body, headers=headers)
        with urllib.request.build_opener(_Here).open(request, timeout=TIMEOUT) as reply:
            reply.read(1000)
    except (OSError, ValueError, http.client.HTTPException) as e:
        raise DeliveryError(f"The {what} did not answer as it should ({_why(e)}).") from None


class _Here(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would lose the notice on the way (a POST becomes a GET), and may lead
    into the open.
    """

    def redirect_request(self, *_: Any) -> None:
        """Leave the redirect to be an error."""


def _why(e: BaseException) -> str:
    """What went wrong on the wire, without the server's own words, which may repeat an address."""
    if isinstance(e, urllib.error.HTTPError):
        return f"HTTP {e.code}"
    if isinstance(e, smtplib.SMTPResponseException):
        return f"SMTP {e.smtp_code}"
    if isinstance(e, urllib.error.URLError) and isinstance(e.reason, OSError):
        e = e.reason
    if isinstance(e, ssl.SSLError):
        return e.reason or "TLS failed"
    return (e.strerror if isinstance(e, OSError) else None) or type(e).__name__
