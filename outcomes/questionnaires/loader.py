"""Reading an instrument's TOML, with messages that point at the line. CONTRIBUTING has the recipe;
the library the examples.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from outcomes.config import toml
from outcomes.config.regular import read_bytes
from outcomes.config.toml import LARGEST
from outcomes.core.errors import InstrumentError, unknown
from outcomes.core.wording import number
from outcomes.questionnaires.model import (
    Band,
    Flag,
    Instrument,
    Item,
    Option,
    Reliability,
    Rule,
    Score,
    Table,
    Threshold,
)
from outcomes.questionnaires.schema import BETTER, FIELDS, KINDS, NEEDED, NUMBER, RULES, runs
from outcomes.questionnaires.scoring_functions import FUNCTIONS


def read(path: Path) -> Instrument:
    """The instrument in this file. Raises InstrumentError that points at the line."""
    absent = f"{path} cannot be read: there is no such file."
    document, _ = toml.read(path, what="instrument file", absent=absent, error=InstrumentError)
    return _Reader(path, document).instrument()


class _Reader:
    """One file on its way to an Instrument: its data, and the line of each of its keys for
    messages.
    """

    def __init__(self, path: Path, document: toml.Document) -> None:
        self.path, self.document = path, document
        self.data = data = document.data
        self._check("", data, ())
        for kind in ("items", "scores", "thresholds", "reliability", "flags", "examples"):
            for k, entry in enumerate(data.get(kind, ())):
                self._check(kind, entry, (kind, k))
        for name, entry in data.get("options", {}).items():
            self._check("options", entry, ("options", name))

    def fail(self, where: tuple[Any, ...], what: str) -> NoReturn:
        line = self.document.line(where) or 1
        raise InstrumentError(f"{self.path.name}, line {line}: {what}")

    def _check(self, kind: str, entry: Any, where: tuple[Any, ...]) -> None:
        label = f"[[{kind}]]" if kind else "an instrument"
        if not isinstance(entry, dict):
            self.fail(where, f"{label} is a table of keys and values.")
        for name, value in entry.items():
            if name not in FIELDS[kind]:
                self.fail((*where, name), f"{label}: {unknown('key', name, FIELDS[kind])}")
            types = FIELDS[kind][name]
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                words = {
                    str: "text",
                    int: "a number",
                    float: "a number",
                    list: "a list",
                    dict: "a table",
                    bool: "true or false",
                }
                wanted = " or ".join(dict.fromkeys(words[t] for t in types))
                self.fail(
                    (*where, name), f"{name} is {wanted}, not {words.get(type(value), 'a date')}."
                )
        for name in NEEDED[kind]:
            if name not in entry:
                self.fail(where, f"{label} needs {name}.")

    def instrument(self) -> Instrument:
        d = self.data
        items = [i for k, entry in enumerate(d["items"]) for i in self._items(entry, ("items", k))]
        codes = [i.code for i in items]
        for c in {c for c in codes if codes.count(c) > 1}:
            self.fail(("items",), f"two items have the code '{c}'.")
        scores: list[Score] = []
        for k, entry in enumerate(d["scores"]):
            scores.append(self._score(entry, ("scores", k), items, [s.name for s in scores]))
        names = [s.name for s in scores]
        for kind in ("thresholds", "reliability"):
            for k, entry in enumerate(d.get(kind, ())):
                if kind == "thresholds":
                    self._word(entry, "kind", KINDS, (kind, k))
                for s in self._named(entry):
                    self._known("score", s, names, (kind, k, "score"))
        for k, entry in enumerate(d.get("flags", ())):
            self._known("item", entry["item"], codes, ("flags", k, "item"))
        default = d.get("default_score", names[0] if names else "")
        if names:
            self._known("score", default, names, ("default_score",))
        for k, entry in enumerate(d.get("examples", ())):
            self._example(entry, ("examples", k), codes, names)
        return Instrument(
            id=d["id"],
            title=d["title"],
            items=tuple(items),
            scores=tuple(scores),
            default_score=default,
            domain=d.get("domain", ""),
            missing_rule=d.get("missing_rule", ""),
            licence=d["licence"],
            licence_contact=d.get("licence_contact", ""),
            references=tuple(d.get("references", ())),
            traps=tuple(d.get("traps", ())),
            aliases=tuple(d.get("aliases", ())),
            loinc=d.get("loinc", ""),
            cdisc=d.get("cdisc", ""),
            flags=tuple(
                Flag(f["name"], f["item"], float(f["at_least"]), f["message"])
                for f in d.get("flags", ())
            ),
            options=tuple(self._option(n, o, names) for n, o in d.get("options", {}).items()),
            examples=tuple(d.get("examples", ())),
            facts=d.get("facts", {}),
            path=self.path,
        )

    def _known(self, kind: str, name: str, there: Sequence[str], where: tuple[Any, ...]) -> None:
        if name not in there:
            self.fail(where, unknown(kind, name, there))

    def _range(self, value: Any, where: tuple[Any, ...]) -> tuple[float, float]:
        if (
            len(value) != 2
            or not all(isinstance(v, NUMBER) for v in value)
            or not value[0] < value[1]
        ):
            self.fail(where, f"{where[-1]} is two numbers, the lowest first, such as [0, 10].")
        return float(value[0]), float(value[1])

    def _allowed(self, value: Any, where: tuple[Any, ...]) -> tuple[float, ...]:
        numbers = all(isinstance(v, NUMBER) and not isinstance(v, bool) for v in value)
        if not numbers or list(value) != sorted(set(value)):
            self.fail(
                where,
                f"{where[-1]} is the lowest and the highest answer, such as [0, 10], or every"
                " answer in rising order, such as [6, 8, 10, 11, 13].",
            )
        return tuple(float(v) for v in value)

    def _items(self, entry: dict[str, Any], where: tuple[Any, ...]) -> list[Item]:
        codes = (
            runs(entry["codes"])
            if "codes" in entry
            else (entry["code"],)
            if "code" in entry
            else ()
        )
        if not codes:
            self.fail(
                where,
                '[[items]] needs code = "…", or codes = "1-9" for a run of items with the same'
                " answers.",
            )
        given, place = entry["answers"], (*where, "answers")
        allowed = self._allowed(given, place) if len(given) > 2 else ()
        low, high = (allowed[0], allowed[-1]) if allowed else self._range(given, place)
        self._word(entry, "better", BETTER, where)
        titles = entry.get("titles", [entry.get("title", "")] * len(codes))
        aliases, names = (
            [many] if "code" in entry else many or [[]] * len(codes)
            for many in (entry.get("aliases", []), entry.get("names", []))
        )
        loinc = entry.get("loinc", "")
        loinc = [loinc] * len(codes) if isinstance(loinc, str) else loinc
        for name, many in (
            ("titles", titles),
            ("aliases", aliases),
            ("names", names),
            ("loinc", loinc),
        ):
            if len(many) != len(codes):
                self.fail((*where, name), f"{name} has {len(many)} entries for {len(codes)} items.")
        return [
            Item(
                c,
                low,
                high,
                float(entry.get("step", 1)),
                t,
                entry.get("better", ""),
                _texts(a),
                _texts(n),
                code,
                allowed,
            )
            for c, t, a, n, code in zip(codes, titles, aliases, names, loinc)
        ]

    def _word(
        self, entry: dict[str, Any], name: str, allowed: Sequence[str], where: tuple[Any, ...]
    ) -> None:
        if entry.get(name, "") not in (*allowed, ""):
            self.fail((*where, name), unknown(name, entry[name], [a for a in allowed if a]))

    def _score(
        self, entry: dict[str, Any], where: tuple[Any, ...], items: list[Item], before: list[str]
    ) -> Score:
        low, high = self._range(entry["range"], (*where, "range"))
        self._word(entry, "better", BETTER, where)
        self._word(entry, "rule", RULES, where)
        if entry["name"] in before:
            self.fail((*where, "name"), f"two scores are called '{entry['name']}'.")
        rule = self._rule(entry, where, items, before)
        mine = lambda kind: [e for e in self.data.get(kind, ()) if entry["name"] in self._named(e)]  # noqa: E731
        thresholds = tuple(
            _made(Threshold, t | {"range": tuple(t.get("range", ()))}) for t in mine("thresholds")
        )
        reliability = tuple(_made(Reliability, r) for r in mine("reliability"))
        mdc95, sem = _error(reliability)
        notes = [*entry.get("notes", ()), *_below(thresholds, mdc95, entry.get("unit", "points"))]
        notes += [
            f"unverified: {entry[k]}" for k in ("unverified", "unverified_prorating") if k in entry
        ]
        return Score(
            name=entry["name"],
            title=entry.get("title", entry["name"].replace("_", " ")),
            low=low,
            high=high,
            rule=rule,
            better=entry.get("better", ""),
            unit=entry.get("unit", "points"),
            resolution=entry.get("resolution", math.nan),
            bands=self._bands(entry, where),
            bands_source=entry.get("bands_source", ""),
            thresholds=thresholds,
            reliability=reliability,
            mdc95=mdc95,
            sem=sem,
            aliases=tuple(entry.get("aliases", ())),
            loinc=entry.get("loinc", ""),
            unverified=entry.get("unverified", ""),
            unverified_prorating=entry.get("unverified_prorating", ""),
            notes=tuple(notes),
        )

    def _named(self, entry: dict[str, Any]) -> tuple[str, ...]:
        first = self.data["scores"][0].get("name", "") if self.data["scores"] else ""
        return runs(entry.get("score", self.data.get("default_score", first)))

    def _bands(self, entry: dict[str, Any], where: tuple[Any, ...]) -> tuple[Band, ...]:
        bands = entry.get("bands", [])
        good = all(
            isinstance(b, list)
            and len(b) == 2
            and isinstance(b[0], NUMBER)
            and isinstance(b[1], str)
            for b in bands
        )
        if not good or [b[0] for b in bands] != sorted(b[0] for b in bands):
            self.fail(
                (*where, "bands"),
                'bands are [lowest value, "label"] in rising order, such as [[0, "mild"], [5,'
                ' "severe"]].',
            )
        return tuple(Band(float(b[0]), b[1]) for b in bands)

    def _rule(
        self, entry: dict[str, Any], where: tuple[Any, ...], items: list[Item], before: list[str]
    ) -> Rule:
        codes = [i.code for i in items]
        of = runs(entry.get("of", codes))
        there = [*codes, *before]
        for name in of:
            self._known("item or earlier score", name, there, (*where, "of"))
        for key in ("reverse", "blank_items"):
            for name in runs(entry.get(key, ())):
                self._known("part of this score", name, of, (*where, key))
        for key in ("weights", "center", "scale"):
            if key in entry and len(entry[key]) != len(of):
                self.fail(
                    (*where, key), f"{key} has {len(entry[key])} numbers for {len(of)} parts."
                )
        if ("center" in entry) != ("scale" in entry) or (
            "center" in entry and "weights" not in entry
        ):
            self.fail(where, "center and scale come together, and with weights.")
        if entry["rule"] == "function":
            self._known(
                "function", entry.get("function", ""), list(FUNCTIONS), (*where, "function")
            )
        weights, offset, factor = _linear(entry)
        at_least = int(entry.get("at_least", 0))
        if not 0 <= at_least <= len(of):
            self.fail(
                (*where, "at_least"), f"at_least is between 1 and the {len(of)} parts of the score."
            )
        return Rule(
            kind=entry["rule"],
            of=of,
            at_least=at_least,
            reverse=runs(entry.get("reverse", ())),
            blank=float(entry.get("blank", math.nan)),
            blank_items=runs(entry.get("blank_items", ())),
            partial=entry.get("partial", False),
            recode=self._recode(entry, where, of, items),
            weights=weights,
            factor=factor,
            offset=offset,
            cuts=_floats(entry, "cuts"),
            table=self._table(entry, where),
            round_up=entry.get("round_up", False),
            criteria=tuple(self._criteria(entry, where, of)),
            function=entry.get("function", ""),
            edge=float(entry.get("edge", math.nan)),
        )

    def _criteria(
        self, entry: dict[str, Any], where: tuple[Any, ...], of: tuple[str, ...]
    ) -> list[dict[str, Any]]:
        made = []
        for c in entry.get("criteria", ()):
            if not isinstance(c, dict) or ("at_least" in c) == ("at_most" in c):
                self.fail(
                    (*where, "criteria"),
                    'a criterion is { of = ["1-2"], at_least = 2, count = 1 } (or at_most).',
                )
            names = runs(c.get("of", of))
            for name in names:
                self._known("part of this score", name, of, (*where, "criteria"))
            made.append({**c, "of": names})
        if entry["rule"] == "criteria" and not made:
            self.fail(where, "the rule criteria needs criteria.")
        return made

    def _rows(self, spec: str, where: tuple[Any, ...]) -> tuple[list[dict[str, str]], str]:
        name, _, key = spec.partition(":")
        path = self.path.parent / name
        if not key or Path(name).name != name or not path.exists():
            self.fail(
                where,
                f"{where[-1]} names a CSV beside the TOML and a key in it, such as"
                ' "tscores.csv:anxiety".',
            )
        return self._side_file(name, where), key

    def _side_file(self, name: str, where: tuple[Any, ...]) -> list[dict[str, str]]:
        """The rows of a CSV beside the TOML, every one as long as its headings."""
        try:
            text = read_bytes(
                self.path.with_name(name), error=InstrumentError, largest=LARGEST
            ).decode("utf-8-sig")
            rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        except UnicodeDecodeError:
            self.fail(where, f"{name} is not UTF-8 text.")
        except (OSError, ValueError, csv.Error) as wrong:
            why = (wrong.strerror if isinstance(wrong, OSError) else "") or type(wrong).__name__
            self.fail(where, f"{name} cannot be read as CSV ({why}).")
        for at, row in enumerate(rows, 2):
            if None in row or None in row.values():
                self.fail(where, f"{name}: row {at} has more or fewer cells than headings.")
        return rows

    def _numbers(
        self, rows: list[dict[str, str]], columns: tuple[str, ...], where: tuple[Any, ...]
    ) -> list[tuple[float, ...]]:
        """These columns of a side file as numbers; a blank is not a number."""
        made, needed = [], f"the side file needs numbers in its columns {', '.join(columns)}."
        for row in rows:
            try:
                found = tuple(float(row[c] or "nan") for c in columns)
            except (KeyError, ValueError):
                self.fail(where, needed)
            if any(math.isinf(v) for v in found):
                self.fail(where, needed)
            made.append(found)
        return made

    def _table(self, entry: dict[str, Any], where: tuple[Any, ...]) -> Table | None:
        if "table" not in entry:
            return None
        rows, key = self._rows(entry["table"], (*where, "table"))
        own = [{"se": "", **r} for r in rows if r.get("key") == key]
        mine = sorted(self._numbers(own, ("raw", "score", "se"), (*where, "table")))
        raw = [r[0] for r in mine]
        if not mine or raw != [raw[0] + k for k in range(len(raw))]:
            self.fail(
                (*where, "table"),
                f"no unbroken run of raw values for key '{key}' (columns: key, raw, score, se).",
            )
        se = np.array([r[2] for r in mine])
        return Table(raw[0], np.array([r[1] for r in mine]), None if np.isnan(se).all() else se)

    def _recode(
        self, entry: dict[str, Any], where: tuple[Any, ...], of: tuple[str, ...], items: list[Item]
    ) -> dict[str, np.ndarray]:
        spec = entry.get("recode")
        if spec is None:
            return {}
        if isinstance(spec, list):
            return {c: np.array(spec, dtype=float) for c in of}
        rows, column = self._rows(spec, (*where, "recode"))
        out = {}
        for item in items:
            own = [r for r in rows if r.get("item") == item.code]
            pairs = self._numbers(own, ("answer", column), (*where, "recode"))
            mine = {pair[0]: pair[1] for pair in pairs}
            if item.code in of:
                wanted = [item.low + k for k in range(int(item.high - item.low) + 1)]
                if sorted(mine) != wanted:
                    self.fail(
                        (*where, "recode"),
                        f"the recode has no value for every answer of item '{item.code}'.",
                    )
                out[item.code] = np.array([mine[a] for a in wanted])
        return out

    def _option(self, name: str, entry: dict[str, Any], scores: Sequence[str]) -> Option:
        where = ("options", name)
        choices: tuple[str, ...] = tuple(entry.get("choices", ()))
        aliases: dict[str, str] = {}
        listed: tuple[str, ...] = ()
        sources: dict[str, str] = {}
        if "sets" in entry:
            if Path(entry["sets"]).name != entry["sets"]:
                self.fail((*where, "sets"), "sets names a CSV beside the TOML.")
            sets = self._side_file(entry["sets"], (*where, "sets"))
            for column in ("choice", "standard", "aliases", "doi", "url", "note"):
                if sets and column not in sets[0]:
                    self.fail((*where, "sets"), f"{entry['sets']} needs a column '{column}'.")
            choices = tuple(r["choice"] for r in sets)
            listed = tuple(r["choice"] for r in sets if r["standard"] == "yes")
            sources = {r["choice"]: _source(r) for r in sets}
            aliases = {a: r["choice"] for r in sets for a in r["aliases"].split("; ") if a}
        if not choices:
            self.fail(where, f"the option {name} needs choices.")
        changes: dict[str, Any] = {}
        for choice, per_score in entry.get("changes", {}).items():
            self._known("choice", choice, choices, (*where, "changes", choice))
            for score, change in per_score.items():
                self._known("score", score, scores, (*where, "changes", choice, score))
                k, base = next(
                    (k, s) for k, s in enumerate(self.data["scores"]) if s["name"] == score
                )
                whole = {**base, **change}
                self._check("scores", whole, (*where, "changes", choice, score))
                items = [
                    i
                    for n, e in enumerate(self.data["items"])
                    for i in self._items(e, ("items", n))
                ]
                rule = self._rule(whole, where, items, list(scores[:k]))
                changes.setdefault(choice, {})[score] = rule
        return Option(
            name,
            entry["title"],
            choices,
            entry.get("default", ""),
            aliases,
            listed,
            sources,
            changes,
        )

    def _example(
        self,
        entry: dict[str, Any],
        where: tuple[Any, ...],
        codes: Sequence[str],
        names: Sequence[str],
    ) -> None:
        items = entry["items"]
        if isinstance(items, list) and len(items) != len(codes):
            self.fail(
                (*where, "items"),
                f'the example has {len(items)} answers for {len(codes)} items; "" is a blank.',
            )
        if isinstance(items, dict):
            for c in items:
                self._known("item", c, [*codes, *names], (*where, "items"))
        for s, value in [*entry["scores"].items(), *entry.get("bands", {}).items()]:
            self._known("score", s.removesuffix("_se"), names, (*where, "scores"))
            if (
                isinstance(value, str)
                and s not in entry.get("bands", {})
                and value not in ("missing", "refused")
            ):
                self.fail(
                    (*where, "scores"), f'the expected {s} is a number, "missing" or "refused".'
                )


def _made(kind: Any, entry: dict[str, Any]) -> Any:
    return kind(**{k: v for k, v in entry.items() if k != "score"})


def _source(entry: dict[str, str]) -> str:
    where = f"doi {entry['doi']}" if entry["doi"] else entry["url"]
    return "; ".join(part for part in (where, entry["note"]) if part)


def _texts(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _floats(entry: dict[str, Any], name: str) -> tuple[float, ...]:
    return tuple(float(v) for v in entry.get(name, ()))


def _linear(entry: dict[str, Any]) -> tuple[tuple[float, ...], float, float]:
    """Weights, offset and factor; `center` and `scale` (z-scores) folded into weights and
    offset.
    """
    weights, offset, factor = (
        _floats(entry, "weights"),
        float(entry.get("offset", 0)),
        float(entry.get("factor", 1)),
    )
    if "center" in entry:
        weights = tuple(factor * w / s for w, s in zip(weights, _floats(entry, "scale")))
        offset -= sum(w * c for w, c in zip(weights, _floats(entry, "center")))
        factor = 1.0
    return weights, offset, factor


def _error(reliability: Sequence[Reliability]) -> tuple[float, float]:
    """MDC95 and SEM of a score: as published, or one from the other (MDC95 = 1.96 × √2 × SEM)."""
    found = {r.statistic: r.value for r in reversed(reliability) if not math.isnan(r.value)}
    k = 1.959963984540054 * math.sqrt(2)
    mdc, sem = found.get("MDC95", math.nan), found.get("SEM", math.nan)
    return (k * sem if math.isnan(mdc) else mdc), (mdc / k if math.isnan(sem) else sem)


def _below(thresholds: Sequence[Threshold], mdc95: float, unit: str) -> list[str]:
    """A note for thresholds that one patient's measurement error alone can exceed."""
    mine = [v for t in thresholds if t.kind == "within-person" for v in (t.value, *t.range)]
    small = sorted({v for v in mine if v < mdc95})
    if not small:
        return []
    size = f"{small[0]:g}" if small[0] == small[-1] else f"{small[0]:g} to {small[-1]:g}"
    return [
        f"a change of {size} {unit if size != '1' else unit.removesuffix('s')} has been proposed as"
        f" important, but the smallest detectable change (MDC95) is {number(mdc95, 2)}: it may"
        " describe groups, not one patient"
    ]
