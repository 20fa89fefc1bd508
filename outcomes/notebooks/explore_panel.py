"""`oc.explore`: a panel of widgets in a notebook, from a file to a picture, that shows the code for
all it does.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outcomes.checks import check
from outcomes.core.errors import MissingExtraError, OutcomesError
from outcomes.core.result import Result
from outcomes.notebooks.card import result_html
from outcomes.notebooks.exploration import (
    ROLES,
    Correctable,
    Opened,
    askable,
    asked,
    corrected,
    fields_of,
    groups_of,
    kinds_of_notebook,
    opened,
    plan_of,
    write_study,
)
from outcomes.questionnaires import instrument, shipped
from outcomes.study.scores import main_score
from outcomes.study.study import Study

if TYPE_CHECKING:
    import pandas as pd
    from narwhals.typing import IntoDataFrame

#: Selects the code and copies it, also on a server without TLS, where there is no clipboard object.
COPY = (
    "getSelection().selectAllChildren(this.parentElement.querySelector('pre'));"
    "this.textContent = document.execCommand('copy') ? 'Copied' : 'Press Ctrl+C to copy'"
)


def explore(source: str | Path | pd.DataFrame | IntoDataFrame | Study) -> Panel:
    """What is in this file, and did these patients' scores change? A panel to look, choose and see.

    `source` is a data file (Excel, CSV, …), a study file, a frame (pandas, polars, pyarrow) or a
    study. Shown in JupyterLab, Notebook 7 or VS Code. Nothing is written unless a button is
    pressed, and every action shows the code that does the same.

    Raises MissingExtraError without ipywidgets (extra `notebooks`), and what reading the source
    raises.
    """
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            "oc.explore needs ipywidgets: pip install 'outcomes[notebooks]'."
        ) from None
    return Panel(opened(source))


class Panel:
    """The widgets and what they show; `panel.result` is the answer that is on the screen,
    `panel.code` its code.
    """

    def __init__(self, start: Opened) -> None:
        import ipywidgets as w

        self.opened, self.code = start, ""
        self.result: Result | None = None
        wide = w.Layout(width="34em")
        style = {"description_width": "7em"}
        self.text = w.Textarea(
            start.text,
            description="Study file",
            layout=w.Layout(width="60em", height="18em"),
            style=style,
        )
        self.read = w.Button(
            description="Read again", tooltip="Read the data by the study file as it stands here"
        )
        self.seen, self.checks, self.card, self.said, self.shown = (w.HTML() for _ in range(5))
        self.roles = {
            role: w.Dropdown(description=words, layout=wide, style=style)
            for role, words in ROLES.items()
        }
        self.instruments = w.SelectMultiple(
            description="Instruments", rows=8, layout=wide, style=style
        )
        self.question = w.Dropdown(
            options=askable(),
            value="PairedT",
            description="Question",
            layout=w.Layout(width="48em"),
            style=style,
        )
        names = {"outcome": "Score", "before": "Before", "after": "After", "by": "Groups"}
        self.chosen = {
            f: w.Dropdown(description=d, layout=wide, style=style) for f, d in names.items()
        }
        self.folder = w.Text(str(start.folder), description="Folder", layout=wide, style=style)
        self.kind = w.Dropdown(description="Notebook", layout=wide, style=style)
        self.buttons = {
            name: w.Button(description=name)
            for name in ("Write study.toml", "Write notebook", "Write report")
        }
        columns = w.HBox([w.VBox(list(self.roles.values())), self.instruments])
        parts = [columns, w.VBox([self.text, self.read]), self.checks]
        self.parts = w.Accordion(
            children=parts, titles=("Columns and instruments", "Study file", "Checks")
        )
        ask = w.VBox([self.question, *self.chosen.values()])
        do = w.VBox([self.folder, self.kind, w.HBox(list(self.buttons.values())), self.said])
        self.box = w.VBox([self.seen, self.parts, ask, self.card, self.shown, do])
        self.read.on_click(self._guarded(lambda: self._use(self.opened.again(self.text.value))))
        actions = (self._write_study, self._write_notebook, self._write_report)
        for button, action in zip(self.buttons.values(), actions, strict=True):
            button.on_click(self._guarded(action))
        self.start, self._quiet = start.text, False
        self.offered: tuple[str, ...] = ()
        self._use(start)
        for control in (*self.roles.values(), self.instruments):
            control.observe(lambda _: self._correct(), names="value")
        for control in (self.question, *self.chosen.values()):
            control.observe(lambda _: self._answer(), names="value")

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.box._repr_mimebundle_(**options)

    def _guarded(self, action: Callable[[], None]) -> Callable[[Any], None]:
        def do(_: Any) -> None:
            try:
                action()
            except OutcomesError as e:
                self._say(str(e))

        return do

    def _say(self, words: str) -> None:
        self.said.value = f'<p role="status" aria-live="polite">{html.escape(words)}</p>'

    def _use(self, new: Opened) -> None:
        """Show a study that was read, or what stands in the way of one."""
        self.opened, study = new, new.study
        self._offer_columns()
        if study is None:
            self.seen.value = (
                f'<p role="alert"><b>Not a study yet.</b> {html.escape(new.problem)}</p>'
            )
            self.checks.value = self.card.value = self.shown.value = ""
            self.result = None
            return
        found = check(study)
        self.seen.value = (
            f"<p>{html.escape(repr(study).strip('<>'))}. The checks have {len(found)} rows."
            f"{' Look at what was guessed, and correct it.' if new.text else ''}</p>"
        )
        self.checks.value = str(found._repr_html_())  # type: ignore[operator]
        self._quiet = True
        main = main_score(study)
        names = sorted(study.outcome_names, key=lambda n: n != main)
        scores = [(study.outcome(n).title, n) for n in names]
        visits = list(study.visits)
        options: dict[str, Any] = {
            "outcome": scores,
            "before": visits,
            "after": visits,
            "by": [("none", ""), *((g, g) for g in groups_of(study))],
        }
        for name, control in self.chosen.items():
            control.options = options[name]
            control.index = 0 if options[name] else None
        self.chosen["before"].value = study.baseline
        self.chosen["after"].value = [v for v in visits if v != study.baseline or len(visits) == 1][
            -1
        ]
        self.kind.options = kinds_of_notebook(study)
        self.kind.index = 0
        self._quiet = False
        self._answer()

    def _offer_columns(self) -> None:
        """Show which column has which role, and which instruments were found."""
        now = Correctable.of(self.opened.text, self.opened.folder) if self.opened.text else None
        controls = (*self.roles.values(), self.instruments)
        for control in controls:
            control.disabled = now is None
        if now is None:
            return
        if not self.offered:
            self.start, self.offered = self.opened.text, now.instruments
            self.instruments.options = [(_title(n), n) for n in now.instruments]
        quiet, self._quiet = self._quiet, True
        for role, control in self.roles.items():
            column = now.roles.get(role, role if role in now.headings else "")
            control.options = [("none", ""), *((h, h) for h in now.headings)]
            control.value = column if column in now.headings else ""
        self.instruments.value = [n for n in self.offered if n in now.instruments]
        self._quiet = quiet

    def _correct(self) -> None:
        """Write the chosen roles and instruments into the study file's text and read again."""
        if self._quiet:
            return
        roles = {r: c.value for r, c in self.roles.items() if not (c.value == r and c.value)}
        self.text.value = corrected(
            self.text.value, self.start, roles, list(self.instruments.value)
        )
        self._use(self.opened.again(self.text.value))

    def _answer(self) -> None:
        """Ask the chosen question and show its card and its code."""
        if self._quiet or self.opened.study is None:
            return
        name = self.question.value
        used = fields_of(name)
        for field, control in self.chosen.items():
            control.disabled = field not in used
        try:
            question, code = asked(name, {f: c.value or "" for f, c in self.chosen.items()})
            result = question.run(self.opened.study)
            self.result, self.card.value = result, result_html(result)
        except OutcomesError as e:
            self.result, code = None, ""
            self.card.value = f'<p role="alert">{html.escape(str(e))}</p>'
        self._show(code)

    def _show(self, code: str) -> None:
        """The code that does what the panel did, with a button that copies it."""
        self.code = f"import outcomes as oc\n\n{self.opened.code}\n{code}" if code else ""
        copy = f'<button type="button" onclick="{COPY}" aria-live="polite">Copy as code</button>'
        self.shown.value = f"<div>{copy}<pre>{html.escape(self.code)}</pre></div>" if code else ""

    def _study(self) -> Study:
        if self.opened.study is None:
            raise OutcomesError(f"There is no study yet. {self.opened.problem}")
        return self.opened.study

    def _write_study(self) -> None:
        self.opened = write_study(
            self.opened.again(self.text.value) if self.opened.text else self.opened,
            self._at("study.toml"),
        )
        self._say(f"Written: {self.opened.file}")
        self._answer()

    def _write_notebook(self) -> None:
        from outcomes.notebooks.write import write_notebook

        if self.opened.file is None:
            raise OutcomesError("A notebook reads its study file: press 'Write study.toml' first.")
        file = write_notebook(
            self.kind.value, self.opened.file, self._at(f"{self.kind.value}.ipynb")
        )
        self._say(
            f"Written: {file}. The same: outcomes notebook {self.kind.value} {self.opened.file}"
        )

    def _write_report(self) -> None:
        from outcomes.reporting import write_report

        study = self._study()
        plan, code = plan_of(study)
        file = write_report(study, plan, self._at("report.html"))
        self._say(f"Written: {file}")
        self._show(f"{code}\noc.write_report(study, plan, {file.as_posix()!r})")

    def _at(self, name: str) -> Path:
        return Path(self.folder.value or ".") / name


def _title(id: str) -> str:
    """What people call an instrument; one of their own goes by its id."""
    return instrument(id).title if id in shipped() else id
