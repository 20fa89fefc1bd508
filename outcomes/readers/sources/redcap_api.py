"""A REDCap project through its API: the data dictionary, and the records page by page."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from outcomes.core.errors import (
    DataError,
    MissingExtraError,
    OutcomesError,
    SourceError,
    StudyError,
    unknown,
)
from outcomes.core.wording import plural
from outcomes.readers.sources.live import Live, Pull
from outcomes.readers.sources.retries import PassingError, retried, unlogged
from outcomes.readers.sources.secrets import secret
from outcomes.readers.sources.snapshot import DICTIONARY
from outcomes.readers.sources.sql import csv_line
from outcomes.readers.sources.statuses import refuse_status

#: What the API calls the columns of a data dictionary, and their headings in REDCap's own file.
_HEADINGS = {
    "field_name": "Variable / Field Name",
    "form_name": "Form Name",
    "section_header": "Section Header",
    "field_type": "Field Type",
    "field_label": "Field Label",
    "select_choices_or_calculations": "Choices, Calculations, OR Slider Labels",
    "field_note": "Field Note",
    "text_validation_type_or_show_slider_number": "Text Validation Type OR Show Slider Number",
    "text_validation_min": "Text Validation Min",
    "text_validation_max": "Text Validation Max",
    "identifier": "Identifier?",
    "branching_logic": "Branching Logic (Show field only if...)",
    "required_field": "Required Field?",
    "custom_alignment": "Custom Alignment",
    "question_number": "Question Number (surveys only)",
    "matrix_group_name": "Matrix Group Name",
    "matrix_ranking": "Matrix Ranking?",
    "field_annotation": "Field Annotation",
}
T = TypeVar("T")


def pull_redcap(live: Live, drop: Collection[str] = ()) -> Pull:
    """The records of a project as a raw export (CSV), and its data dictionary.

    Records are asked for by their names, a page at a time; each page must have every record asked
    for and no other. Fields in `drop` are never asked for; their columns are blank.

    Raises SourceError where the server does not give all of them; StudyError for a field that is
    none or a token that cannot be one; MissingExtraError without PyCap.
    """
    try:
        from redcap import Project
    except ImportError:
        raise MissingExtraError(
            "Reading from REDCap itself needs the redcap extra (PyCap is not installed): pip"
            " install 'outcomes[redcap]'. Or export the project as CSV / raw data."
        ) from None
    if not live.address.endswith("/api/"):
        raise StudyError(
            "[data] 'redcap' is the address of the API, which ends in /api/:"
            ' "https://redcap.clinic.example/api/".'
        )
    token = secret("token", live.secret)
    if not re.fullmatch(r"[0-9A-Za-z]{32}", token):
        raise StudyError(
            "[data] token: a token of REDCap has 32 letters and digits; what is there is none. In"
            ' REDCap, "API" shows the token of a project.'
            if token
            else '[data] REDCap needs a token: token = "env:REDCAP_TOKEN".'
        )
    live.trusted()
    project = Project(
        live.address,
        token,
        verify_ssl=str(live.ca) if live.ca else True,
        timeout=live.timeout,
        allow_redirects=False,
        hooks={"response": lambda response, *_, **__: _looked_at(response, live)},
    )
    with unlogged("urllib3", "requests"):
        return _Project(project, live, frozenset(drop)).pull()


def _looked_at(response: Any, live: Live) -> None:
    """Refuse an answer that is none before anything of it is used."""
    try:
        refuse_status(
            response.status_code, response.headers, live.place, "token", "the right to export"
        )
    except (SourceError, PassingError):
        response.close()
        raise
    if "html" in response.headers.get("Content-Type", ""):
        response.close()
        raise SourceError(
            f"{live.place} answers with a web page, not with data. Is it the address of the API,"
            " and is no log-in page in between?"
        )


class _Project:
    def __init__(self, project: Any, live: Live, drop: Collection[str]) -> None:
        self.project, self.live, self.drop = project, live, drop

    def pull(self) -> Pull:
        metadata = self._rows(lambda: self.project.metadata, "fields")
        first = str(metadata[0].get("field_name", ""))
        fields = self._chosen([str(f.get("field_name", "")) for f in metadata])
        ids = self._ids(first)
        columns: list[str] = []
        lines: list[bytes] = []
        for start in range(0, len(ids), self.live.page):
            page = ids[start : start + self.live.page]
            rows = retried(lambda page=page: self._page(first, page, fields), self.live.place)  # type: ignore[misc]
            columns = columns or list(rows[0])
            for row in rows:
                if list(row) != columns:
                    raise SourceError(
                        f"{self.live.place}: records do not all have the same fields; the project"
                        " was changed meanwhile. Nothing was read. Try again."
                    )
                lines.append(csv_line([_text(v) for v in row.values()]))
        blank = [f for f in self.drop if f not in columns and self._is_field(f, metadata)]
        data = csv_line([*columns, *blank])
        data += b"".join(line[:-1] + b"," * len(blank) + b"\n" for line in lines)
        book = csv_line(list(_HEADINGS.values())) + b"".join(
            csv_line([_text(f.get(name, "")) for name in _HEADINGS]) for f in metadata
        )
        return Pull({".csv": data, DICTIONARY: book}, len(lines), dict.fromkeys(blank, 0))

    def _is_field(self, column: str, metadata: Sequence[Mapping[str, Any]]) -> bool:
        stem = column.partition("___")[0]
        return any(f.get("field_name") == stem for f in metadata)

    def _chosen(self, there: Sequence[str]) -> list[str] | None:
        """The fields to ask for; None for all."""
        for name in self.live.fields:
            if name not in there:
                raise StudyError(f"[data] fields: {unknown('field', name, there)}")
        wanted = [f for f in self.live.fields or there if f not in self.drop]
        return wanted if self.live.fields or len(wanted) < len(there) else None

    def _ids(self, first: str) -> list[str]:
        rows = self._rows(
            lambda: self.project.export_records(fields=[first], format_type="json"), "records"
        )
        ids = list(dict.fromkeys(_text(row.get(first, "")) for row in rows))
        if "" in ids:
            raise SourceError(
                f"{self.live.place}: records without '{first}', which names them. Nothing was read."
            )
        return ids

    def _page(self, first: str, ids: Sequence[str], fields: list[str] | None) -> list[Any]:
        rows = self._asked(
            lambda: self.project.export_records(
                records=list(ids),
                fields=fields and list(dict.fromkeys([first, *fields])),
                format_type="json",
                raw_or_label="raw",
                event_name="unique",
                export_data_access_groups=fields is None,
            )
        )
        got = {_text(row.get(first, "")) for row in rows}
        if missing := len(set(ids) - got):
            raise PassingError(f"{plural(missing, 'record')} of a page did not come")
        if got - set(ids):
            raise PassingError("records came that were not asked for")
        return rows

    def _rows(self, ask: Callable[[], Any], what: str) -> list[Any]:
        rows = retried(lambda: self._asked(ask), self.live.place)
        if not rows:
            raise SourceError(
                f"{self.live.place}: the project has no {what}, or this token may not see them."
            )
        return rows

    def _asked(self, ask: Callable[[], Any]) -> list[Any]:
        """One answer. Raises PassingError where another try may succeed."""
        from requests.exceptions import (
            ConnectionError,
            JSONDecodeError,
            RequestException,
            SSLError,
            Timeout,
        )

        try:
            rows = ask()
        except (OutcomesError, PassingError):
            raise
        except SSLError:
            raise SourceError(
                f"{self.live.place}: its certificate is not trusted here. Of the clinic's own"
                ' authority, name it: ca = "clinic-ca.pem".'
            ) from None
        except Timeout:
            raise PassingError(f"no answer in {self.live.timeout} s") from None
        except (JSONDecodeError, ValueError):
            raise PassingError("an answer was cut off, or is no JSON") from None
        except ConnectionError:
            raise PassingError("it cannot be reached, or hung up midway") from None
        except RequestException as wrong:
            if type(wrong) is not RequestException:
                raise PassingError("the connection was lost midway") from None
            raise SourceError(
                f"{self.live.place} refused the request. Has this token the right to export by API,"
                " and does the project have records?"
            ) from None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise DataError(f"{self.live.place} answers with JSON that is no list of records.")
        return rows


def _text(value: Any) -> str:
    """A cell of the API: REDCap gives text, and whole numbers for instances."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise DataError("A cell of a record is neither text nor a number.")
    return "" if value is None else str(value)
