"""A FHIR server: a search page by page, $everything of patients, or a bulk export."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from outcomes.config.regular import MOST
from outcomes.core.errors import DataError, MissingExtraError, SourceError, StudyError, unknown
from outcomes.core.wording import plural
from outcomes.readers.fhir.resources import READ, without_identity, written
from outcomes.readers.sources.live import Live, Pull
from outcomes.readers.sources.retries import LONGEST, PassingError, pause, retried, unlogged
from outcomes.readers.sources.secrets import secret
from outcomes.readers.sources.statuses import refuse_status

#: How long a bulk export is waited for, in seconds.
EXPORT = 3600.0
#: An answer may take this many times the time-out until it is whole.
_WHOLE = 10
_JSON, _LINES = "application/fhir+json", "application/fhir+ndjson"


def pull_fhir(live: Live) -> Pull:
    """The resources as one file with a resource a line, without what tells who a patient is.

    Every page of a search is asked for, and their number compared with what the server says; of a
    bulk export, every file and its count. Only the declared host is asked; no redirect is followed.

    Raises SourceError where the server does not give all of them; DataError for what is no FHIR;
    StudyError for a resource that is not read; MissingExtraError without httpx.
    """
    try:
        import httpx
    except ImportError:
        raise MissingExtraError(
            "Reading from a FHIR server needs the fhir extra (httpx is not installed): pip install"
            " 'outcomes[fhir]'. Or save the bundle as a file."
        ) from None
    if live.resource not in READ:
        raise StudyError(f"[data] {unknown('resource', live.resource, READ)}")
    headers = {"Accept": _JSON}
    if token := secret("token", live.secret):
        headers["Authorization"] = f"Bearer {token}"
    trusted = live.trusted()
    with (
        unlogged("httpx", "httpcore"),
        httpx.Client(
            headers=headers, timeout=live.timeout, follow_redirects=False, verify=trusted
        ) as client,
    ):
        server = _Server(client, live)
        ways: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
            "search": lambda: server.found(live.resource, live.search),
            "everything": server.everything,
            "export": server.export,
        }
        lines = sorted(written(resource) for resource in ways[live.pull]())
    if not lines:
        raise SourceError(f"{live.place} gave no {live.resource}. Is the search the right one?")
    return Pull({".ndjson": "".join(f"{line}\n" for line in lines).encode()}, len(lines))


class _Server:
    """One server, asked by one client."""

    def __init__(self, client: Any, live: Live) -> None:
        self.client, self.live = client, live
        self.base = live.address.rstrip("/") + "/"
        self.size = 0

    def found(
        self, kind: str, search: Sequence[tuple[str, Sequence[str]]]
    ) -> Iterator[dict[str, Any]]:
        """The resources that a search finds, over all its pages."""
        asked = {name: list(values) for name, values in search}
        asked.setdefault("_count", [str(self.live.page)])
        asked.setdefault("_total", ["accurate"])
        yield from self._pages(f"{self.base}{kind}", asked, f"The search for {kind}")

    def everything(self) -> Iterator[dict[str, Any]]:
        """All that the server has of each patient that the search finds."""
        patients = [p for p in self.found("Patient", self.live.search) if _kind(p) == "Patient"]
        for patient in patients:
            code = quote(str(patient.get("id") or ""), safe="")
            if not code:
                raise SourceError(f"{self.live.place} gives a Patient without an id.")
            asked = {"_type": [f"{self.live.resource},Patient"], "_count": [str(self.live.page)]}
            yield from self._pages(
                f"{self.base}Patient/{code}/$everything", asked, "$everything of a patient"
            )

    def export(self) -> Iterator[dict[str, Any]]:
        """The files of a bulk export."""
        group = f"Group/{quote(self.live.group, safe='')}/" if self.live.group else "Patient/"
        asked = {"_type": self.live.resource, "_outputFormat": _LINES}
        asked |= {name: ",".join(values) for name, values in self.live.search}
        _, headers, status = self._get(
            f"{self.base}{group}$export", asked, {"Prefer": "respond-async"}
        )
        job = headers.get("Content-Location", "")
        if status != 202 or not job:
            raise SourceError(f"{self.live.place} does not begin a bulk export when asked for one.")
        job = self._own(job, "the bulk export")
        try:
            for number, file in enumerate(self._files(job), start=1):
                yield from self._file(file, f"file {number} of the bulk export")
        finally:
            self._forget(job)

    def _files(self, job: str) -> list[dict[str, Any]]:
        """The files that an export has made, when it has."""
        until = time.monotonic() + EXPORT
        while True:
            text, headers, status = self._get(job)
            if status != 202:
                break
            if time.monotonic() > until:
                raise SourceError(
                    f"{self.live.place}: the bulk export is not ready after an hour. Nothing was"
                    " read. Try again later."
                )
            asked = headers.get("Retry-After", "")
            pause(min(float(asked) if asked.isdigit() else 5.0, LONGEST))
        said = self._parsed(text, "the list of the bulk export")
        if not isinstance(said.get("output"), list):
            raise SourceError(f"{self.live.place}: the list of the bulk export has no files.")
        for what, words in (("error", "errors"), ("deleted", "deleted resources")):
            if said.get(what):
                raise SourceError(
                    f"{self.live.place}: the bulk export reports {words}, so it is not whole or not"
                    " current. Nothing was read. Look at the server's log, and export again."
                )
        asked_for = ("", self.live.resource, "Questionnaire")  # a server may give more
        return [f for f in said["output"] if str(f.get("type", "")) in asked_for]

    def _file(self, file: dict[str, Any], what: str) -> Iterator[dict[str, Any]]:
        text, _, _ = self._get(self._own(str(file.get("url", "")), what), {}, {"Accept": _LINES})
        lines = [line for line in text.splitlines() if line.strip()]
        count = str(file.get("count", ""))
        if count.isdigit() and int(count) != len(lines):
            raise SourceError(
                f"{self.live.place}: {what} has {plural(len(lines), 'resource')}, and the list says"
                f" {count}. Nothing was read. Try again."
            )
        for line in lines:
            yield self._parsed(line, what)

    def _forget(self, job: str) -> None:
        """Let the server delete the files of an export; whether it does changes nothing here."""
        import contextlib

        import httpx

        with contextlib.suppress(httpx.HTTPError):
            self.client.delete(job)

    def _pages(
        self, address: str, asked: dict[str, list[str]], what: str
    ) -> Iterator[dict[str, Any]]:
        seen: set[str] = set()
        totals: set[str] = set()
        matches = everything = number = 0
        params: dict[str, list[str]] | None = asked
        while address:
            number += 1
            where = f"{what}, page {number}"
            if address in seen:
                raise SourceError(f"{self.live.place}: {where} leads back to an earlier page.")
            seen.add(address)
            text, _, _ = self._get(address, params)
            page = self._parsed(text, where)
            entries, address = self._opened(page, where)
            params = None  # the address of the next page has them
            if "total" in page:
                totals.add(str(page["total"]))
            for entry in entries:
                mode = entry.get("search")
                mode = mode.get("mode", "match") if isinstance(mode, dict) else "match"
                data = _kind(entry["resource"]) != "OperationOutcome"
                matches += data and mode == "match"
                everything += data
                yield entry["resource"]
        if len(totals) > 1 or totals - {str(matches), str(everything)}:
            raise SourceError(
                f"{self.live.place}: {what} gave {plural(matches, 'resource')}, and the server says"
                f" that there are {' or '.join(sorted(totals))}: a page is missing, or data changed"
                " meanwhile. Nothing was read. Try again."
            )

    def _opened(self, page: dict[str, Any], where: str) -> tuple[list[dict[str, Any]], str]:
        """The entries of a page and the address of the next."""
        if page.get("resourceType") != "Bundle":
            raise SourceError(f"{self.live.place}: {where} is no Bundle. Is it a FHIR server?")
        entries, links = page.get("entry", []), page.get("link", [])
        if not isinstance(entries, list) or not isinstance(links, list):
            raise DataError(f"{self.live.place}: {where} is no whole bundle.")
        for entry in entries:
            if not isinstance(entry, dict) or not isinstance(entry.get("resource"), dict):
                raise DataError(f"{self.live.place}: {where} has an entry without a resource.")
            self._refuse_outcome(entry["resource"], where)
        next_ones = [
            str(link.get("url", ""))
            for link in links
            if isinstance(link, dict) and link.get("relation") == "next"
        ]
        return entries, self._own(next_ones[0], where) if next_ones else ""

    def _refuse_outcome(self, resource: dict[str, Any], where: str) -> None:
        if _kind(resource) != "OperationOutcome":
            return
        issues = resource.get("issue", [])
        worst = {str(i.get("severity")) for i in issues if isinstance(i, dict)}
        if worst & {"error", "fatal"}:
            raise SourceError(
                f"{self.live.place}: {where} reports an error of the server beside what it gives."
                " Nothing was read. Look at the server's log."
            )

    def _own(self, address: str, where: str) -> str:
        """An address that the server gave, where it is the declared host's."""
        try:
            full = urljoin(self.base, address)
            mine, other = urlsplit(self.base), urlsplit(full)
            own = (mine.scheme, mine.hostname, mine.port)
            same = own == (other.scheme, other.hostname, other.port)
        except ValueError:
            raise SourceError(
                f"{self.live.place}: {where} gives something that is not an address. Nothing was"
                " read. Look at the server's log."
            ) from None
        if not same:
            raise SourceError(
                f"{self.live.place}: {where} points to another server"
                f" ({other.scheme}://{other.hostname or ''}), which is not asked. Nothing was read."
                " Where the server gives a wrong address of itself, its operator can set its base"
                " address."
            )
        return full

    def _parsed(self, text: str, where: str) -> dict[str, Any]:
        try:
            said = without_identity(text, where)
        except DataError:
            raise SourceError(
                f"{self.live.place}: {where} is cut off, or is no strict JSON. Nothing was read."
                " Try again."
            ) from None
        if not isinstance(said, dict):
            raise DataError(f"{self.live.place}: {where} is JSON, but no FHIR resource.")
        return said

    def _get(
        self,
        address: str,
        params: Any = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[str, Any, int]:
        """The text, headers and status of an answer, asked again where that may help."""
        return retried(lambda: self._once(address, params, headers), self.live.place)

    def _once(
        self, address: str, params: Any, headers: dict[str, str] | None
    ) -> tuple[str, Any, int]:
        import httpx

        data = bytearray()
        until = time.monotonic() + _WHOLE * self.live.timeout
        try:
            with self.client.stream("GET", address, params=params, headers=headers) as answer:
                refuse_status(
                    answer.status_code,
                    answer.headers,
                    self.live.place,
                    "token",
                    "the right to read this",
                )
                if "html" in answer.headers.get("Content-Type", ""):
                    raise SourceError(
                        f"{self.live.place} answers with a web page, not with FHIR. Is it the base"
                        " address, and is no log-in page in between?"
                    )
                for chunk in answer.iter_bytes():
                    data += chunk
                    if self.size + len(data) > MOST:
                        raise DataError(
                            f"{self.live.place} gives more than {MOST // 10**6} MB. Ask for less."
                        )
                    if time.monotonic() > until:
                        raise PassingError("an answer took too long")
                self.size += len(data)
                return data.decode("utf-8"), answer.headers, answer.status_code
        except UnicodeDecodeError:
            raise DataError(f"{self.live.place} answers with what is not UTF-8 text.") from None
        except httpx.DecodingError:
            raise DataError(
                f"{self.live.place} answers with data that is not packed as its header says."
            ) from None
        except httpx.TimeoutException:
            raise PassingError(f"no answer in {self.live.timeout} s") from None
        except (httpx.HTTPError, httpx.StreamError) as wrong:
            if "CERTIFICATE" in str(wrong).upper() or isinstance(wrong.__cause__, ssl.SSLError):
                raise SourceError(
                    f"{self.live.place}: its certificate is not trusted here. Of the clinic's own"
                    ' authority, name it: ca = "clinic-ca.pem".'
                ) from None
            raise PassingError("it cannot be reached, or hung up midway") from None
        except httpx.InvalidURL:
            raise SourceError(f"{self.live.place} gave an address that is none.") from None


def _kind(resource: dict[str, Any]) -> str:
    return str(resource.get("resourceType", ""))
