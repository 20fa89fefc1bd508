"""Notices against real servers on this computer: sent once, sent again when a server was down,
never with a result.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from outcomes.core.errors import StudyError
from outcomes.schedule import run_due, status
from outcomes.schedule.exit_codes import DeliveryError
from outcomes.schedule.notify import Notice, secrets, send
from outcomes.schedule.schedule_file import Email, Notify
from tests.schedule.clinic import DECEMBER, NOVEMBER, STUDY, write_schedule, write_scores


class Hooks(HTTPServer):
    """Keeps what it is asked; answers `code`."""

    code = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.asked: list[tuple[str, str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        server.asked.append((self.command, self.path, body))
        self.send_response(server.code)
        if 300 <= server.code < 400:
            self.send_header("Location", f"{server.url}/elsewhere")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hooks]:
    server = Hooks()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setenv("HOOK", f"{server.url}/hook/secret-token")
    monkeypatch.setenv("BEAT", f"{server.url}/beat/secret-token")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class Mails:
    """A real SMTP server that keeps what it is sent."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.port = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        from email import message_from_bytes
        from email.policy import default

        self.messages.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@contextmanager
def mail_server(**settings: Any) -> Iterator[Mails]:
    controller = pytest.importorskip(
        "aiosmtpd.controller", reason="needs aiosmtpd, a mail server for tests"
    )
    kept = Mails()

    class Server(controller.Controller):  # type: ignore[name-defined,misc]
        def _trigger_server(
            self,
        ) -> None:  # the system chose the port; the first knock must know it
            self.port = kept.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    server = Server(kept, hostname="127.0.0.1", port=0, **settings)
    server.start()
    yield kept
    server.stop()


@pytest.fixture
def mails() -> Iterator[Mails]:
    with mail_server() as kept:
        yield kept


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this computer that nobody signed, with its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext"
        " subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        [*command.split(), "-keyout", folder / "key", "-out", folder / "cert"],
        check=True,
        capture_output=True,
    )
    return folder


def by_mail(port: int) -> str:
    server = f'[notify.email]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
    return server + 'from = "r@clinic.test"\nto = ["a@clinic.test", "b@clinic.test"]\n'


BOTH = '[notify]\non = ["failure", "success"]\n'
HOOKS = '[notify.webhook]\nurl_env = "HOOK"\n[notify.heartbeat]\nurl_env = "BEAT"\n'

pytestmark = pytest.mark.usefixtures("quick")


def test_a_mail_says_what_happened_and_where_but_no_result(clinic: Path, mails: Any) -> None:
    path = write_schedule(clinic, BOTH + by_mail(mails.port))
    assert run_due(path, NOVEMBER).exit_code == 0
    (message,) = mails.messages
    assert message["Subject"] == "outcomes: Test 2026-10: a report is ready"
    assert (
        message["To"] == "a@clinic.test, b@clinic.test"
        and message["Auto-Submitted"] == "auto-generated"
    )
    text = message.get_content()
    assert "Exit code 0: done." in text and "2026-11-02 10:00 (Europe/Berlin)" in text
    assert str(clinic / "reports") in text and "This notice holds no results." in text
    results = (clinic / "reports").glob("2*/results.csv")
    assert not any(
        value in text
        for value in next(results).read_text().split(",")
        if "." in value and len(value) > 4
    )
    run_due(path, NOVEMBER)
    assert len(mails.messages) == 1


def test_a_failure_is_told_when_new_and_again_after_a_day(clinic: Path, mails: Any) -> None:
    path = write_schedule(clinic, "[notify]\n" + by_mail(mails.port))
    (clinic / "study.toml").write_text(
        STUDY.replace('["baseline", "week_4"]', '["baseline"]'), encoding="utf-8"
    )
    for hours, count in ((0, 1), (1, 1), (23, 1), (24, 2), (25, 2)):
        assert run_due(path, NOVEMBER + timedelta(hours=hours)).exit_code == 2
        assert len(mails.messages) == count
    assert "needs a look" in mails.messages[0]["Subject"]
    assert (
        "Exit code 2: the schedule, the study file or its plan is wrong."
        in mails.messages[0].get_content()
    )
    assert "Met 4 time(s)" in mails.messages[1].get_content()
    assert (
        "week_4" not in mails.messages[0].get_content()
    )  # the message itself may quote the data; it stays on the computer
    write_scores(clinic)
    assert run_due(path, NOVEMBER + timedelta(hours=26)).exit_code == 0
    assert len(mails.messages) == 2


def test_missed_periods_are_told_once(clinic: Path, mails: Any) -> None:
    path = write_schedule(clinic, "[notify]\n" + by_mail(mails.port))
    run_due(path, NOVEMBER)
    write_scores(clinic, seed=2)
    for _ in range(2):
        run_due(path, DECEMBER + timedelta(days=60))
    (message,) = mails.messages
    assert (
        "2026-11, 2026-12" in message.get_content() and "--period 2026-12" in message.get_content()
    )


def test_a_server_that_is_down_is_exit_6_and_asked_again(
    clinic: Path, hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_schedule(clinic, BOTH + HOOKS)
    hooks.code = 500
    woken = run_due(path, NOVEMBER)
    assert (
        woken.exit_code == 6
        and set(woken.undelivered) == {"webhook"}
        and woken.made[0].exit_code == 0
    )
    assert "HTTP 500" in caplog.text and "secret-token" not in caplog.text
    assert (
        "could not be delivered" in str(status(path, NOVEMBER))
        and status(path, NOVEMBER).exit_code == 5
    )
    assert run_due(path, NOVEMBER).exit_code == 6
    hooks.code, hooks.asked = 200, []
    assert run_due(path, NOVEMBER).exit_code == 0 and status(path, NOVEMBER).exit_code == 0
    assert [(method, where) for method, where, _ in hooks.asked] == [
        ("POST", "/hook/secret-token"),
        ("GET", "/beat/secret-token"),
    ]
    assert "a report is ready" in json.loads(hooks.asked[0][2])["text"]
    assert "secret-token" not in "".join(
        p.read_text() for p in (clinic / "reports").rglob("*.json")
    )


def test_the_heart_beats_at_every_good_wake_up_and_stops_at_a_bad_one(
    clinic: Path, hooks: Hooks
) -> None:
    path = write_schedule(clinic, '[notify.heartbeat]\nurl_env = "BEAT"')
    for times in (1, 2):
        run_due(path, NOVEMBER)
        assert len(hooks.asked) == times
    (clinic / "scores.csv").unlink()
    assert run_due(path, DECEMBER).exit_code == 3 and len(hooks.asked) == 2


def test_a_failure_that_could_not_be_told_keeps_its_exit_code_and_is_told_later(
    clinic: Path, hooks: Hooks
) -> None:
    path = write_schedule(clinic, HOOKS)
    (clinic / "scores.csv").unlink()
    hooks.code = 503
    assert run_due(path, NOVEMBER).exit_code == 3
    hooks.code, hooks.asked = 200, []
    assert run_due(path, NOVEMBER).exit_code == 3 and len(hooks.asked) == 1


def test_a_secret_that_is_not_set_is_said_by_its_name(clinic: Path) -> None:
    path = write_schedule(clinic, BOTH + '[notify.webhook]\nurl_env = "NO_SUCH_HOOK"')
    woken = run_due(path, NOVEMBER)
    assert woken.exit_code == 6 and woken.made[0].exit_code == 0


def test_secrets_come_from_a_private_file_or_the_environment(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = clinic / "secrets.env"
    file.write_text("# ours\nHOOK = 'https://a.test/x'\n\nUSER_NAME=me=you\n")
    file.chmod(0o600)
    found = secrets(Notify(env_file=file))
    assert (found["HOOK"], found["USER_NAME"]) == ("https://a.test/x", "me=you")
    monkeypatch.setenv("HOOK", "https://b.test")
    assert secrets(Notify(env_file=file))["HOOK"] == "https://b.test"
    file.write_text("nonsense\n")
    with pytest.raises(StudyError, match="line 1: expected NAME=value") as caught:
        secrets(Notify(env_file=file))
    assert "nonsense" not in str(caught.value)
    with pytest.raises(StudyError, match="cannot be read"):
        secrets(Notify(env_file=clinic / "none.env"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_secrets_that_others_can_read_are_refused(clinic: Path) -> None:
    file = clinic / "secrets.env"
    file.write_text("A=b\n")
    file.chmod(0o644)
    with pytest.raises(StudyError, match="chmod 600"):
        secrets(Notify(env_file=file))


def test_nothing_goes_out_in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "http://example.test/x")
    with pytest.raises(DeliveryError, match="https://"):
        send("webhook", Notice("s", ()), Notify(webhook_env="HOOK"))
    mail = Email(
        "mail.example.test",
        "a@b.test",
        ("a@b.test",),
        security="none",
        user_env="U",
        password_env="P",
    )
    with pytest.raises(StudyError, match="open connection"):
        send("email", Notice("s", ()), Notify(email=mail))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_over_an_encrypted_and_checked_connection_with_a_password(
    security: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smtp = pytest.importorskip("aiosmtpd.smtp", reason="needs aiosmtpd, a mail server for tests")
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate / "cert", certificate / "key")
    how = (
        {"tls_context": ours, "require_starttls": True}
        if security == "starttls"
        else {"ssl_context": ours}
    )

    def known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        return smtp.AuthResult(
            success=(data.login, data.password) == (b"user", b"right"), handled=False
        )

    monkeypatch.setenv("U", "user")
    # that server does not count TLS from the start as TLS
    plain = {"auth_required": True} if security == "starttls" else {"auth_require_tls": False}
    with mail_server(**how, **plain, authenticator=known) as mails:
        mail = Email("127.0.0.1", "r@b.test", ("a@b.test",), mails.port, security, "U", "P")
        monkeypatch.setenv("P", "right")
        with pytest.raises(DeliveryError, match=r"CERTIFICATE|certificate|SSL"):
            send("email", Notice("s", ()), Notify(email=mail))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert"))
        monkeypatch.setenv("P", "wrong")
        with pytest.raises(DeliveryError, match=r"SMTP 535") as caught:
            send("email", Notice("s", ()), Notify(email=mail))
        assert "wrong" not in str(caught.value)
        monkeypatch.setenv("P", "right")
        send("email", Notice("s", ("hello",)), Notify(email=mail))
        assert [m["Subject"] for m in mails.messages] == ["s"]


def test_a_mail_server_that_is_not_there_or_offers_no_encryption(mails: Any) -> None:
    for port, why in ((1, "refused"), (mails.port, "STARTTLS|NotSupported")):
        mail = Email("127.0.0.1", "a@b.test", ("a@b.test",), port=port)
        with pytest.raises(DeliveryError, match=why):
            send("email", Notice("s", ()), Notify(email=mail))
    assert mails.messages == []


def test_a_server_that_refuses_an_address(mails: Any) -> None:
    async def handle_RCPT(
        server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.startswith("b@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    mails.handle_RCPT = handle_RCPT
    mail = Email(
        "127.0.0.1", "r@b.test", ("a@b.test", "b@b.test"), port=mails.port, security="none"
    )
    with pytest.raises(DeliveryError, match="1 of 2 addresses"):
        send("email", Notice("s", ()), Notify(email=mail))


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_not_taken_for_a_delivery(hooks: Hooks, code: int) -> None:
    hooks.code = code
    with pytest.raises(DeliveryError, match=f"HTTP {code}"):
        send("webhook", Notice("s", ()), Notify(webhook_env="HOOK"))
    assert [(method, where) for method, where, _ in hooks.asked] == [("POST", "/hook/secret-token")]


@contextmanager
def speaking(words: bytes) -> Iterator[int]:
    """A server that says these words to whoever knocks, and then nothing more; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    kept.append(connection)
                    connection.sendall(words)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        for connection in kept:
            connection.close()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"220 ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        b"nonsense\r\n",
        b"220 hello\r\n",
    ],
)
def test_servers_that_hang_or_talk_nonsense_are_given_up(
    words: bytes, clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outcomes.schedule.notify.TIMEOUT", 0.2)
    with speaking(words) as port:
        monkeypatch.setenv("HOOK", f"http://127.0.0.1:{port}/secret-token")
        notify = (
            by_mail(port)
            + '[notify.webhook]\nurl_env = "HOOK"\n[notify.heartbeat]\nurl_env = "HOOK"\n'
        )
        path = write_schedule(clinic, BOTH + notify)
        woken = run_due(path, NOVEMBER)
    assert (woken.exit_code, woken.made[0].exit_code) == (6, 0)
    assert set(woken.undelivered) == {"email", "webhook"} and "could not be delivered" in str(
        status(path, NOVEMBER)
    )


@pytest.mark.parametrize(
    "address",
    [
        "https://[half/secret",
        "https://a b.test/secret",
        "http://127.0.0.1:x/secret",
        "secret",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_is_none_is_no_bug(
    address: str, clinic: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOOK", address)
    woken = run_due(write_schedule(clinic, BOTH + '[notify.webhook]\nurl_env = "HOOK"'), NOVEMBER)
    assert woken.exit_code == 6 and woken.undelivered == ("webhook",)
    assert "secret" not in caplog.text and "passwd" not in caplog.text
