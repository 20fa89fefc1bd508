"""The only rounding and the only number-to-words: every table, sentence and picture takes its text
from here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType

from outcomes.core.language import Language, language_of, message, say, say_n
from outcomes.core.style import style_of

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"


def round_half_away(value: float, digits: int = 0) -> float:
    """Round half away from zero on the shortest decimal form of the number.

    >>> round_half_away(2.675, 2), round_half_away(-0.5)
    (2.68, -1.0)
    """
    if (
        not math.isfinite(value) or abs(value) >= 2**53
    ):  # beyond that a float has no digits after the point
        return value
    return float(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def number(value: float, digits: int = 1) -> str:
    """A number for a reader: fixed digits, a true minus sign, an en dash when undefined.

    >>> number(-1.25), number(float("nan")), number(1234.5, 0)
    ('−1.3', '–', '1235')
    """
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    rounded = round_half_away(value, digits)
    text = _written(f"{abs(rounded):.{digits}f}", style_of().point)
    return f"{MINUS}{text}" if rounded < 0 else text


def _written(text: str, point: str) -> str:
    """Figures with a decimal mark, and with the thousands marks of the language in force."""
    language = language_of()
    whole_part, _, after = text.partition(".")
    if len(whole_part) >= language.grouped:
        whole_part = f"{int(whole_part):,}".replace(",", language.group)
    return (
        f"{whole_part}{point if language.source else language.point}{after}"
        if after
        else (whole_part)
    )


def whole(n: int) -> str:
    """A count, with the thousands marks of the language in force.

    >>> from outcomes.core.language import speaking
    >>> with speaking("de"):
    ...     whole(12345)
    '12.345'
    """
    return number(n, 0)


def localised(text: str) -> str:
    """A printed cell of numbers, such as "12 of 40 (30%)" or "6.2 (1.9)", as the language in force
    writes it; any other text as it is.
    """
    language = language_of()
    if language.source or not _NUMBERS_ONLY.fullmatch(text):
        return text
    found = re.sub(r"(\d+)(?:\.(\d+))?", lambda m: _written(m[0], "."), text)
    found = found.replace("%", f"{language.percent}%")
    if of := re.fullmatch(r"(\S+) of ([^\s(]+)(?: \((.*)\))?", found):
        if of[3] is None:
            return say("{count} of {total}", count=of[1], total=of[2])
        return say("{count} of {total} ({share})", count=of[1], total=of[2], share=of[3])
    limits = re.fullmatch(r"(.*\()?(\S+) to (\S+?)(\))?", found)
    if limits:
        joined = say("{low} to {high}", low=limits[2], high=limits[3])
        return f"{limits[1] or ''}{joined}{limits[4] or ''}"
    return found


#: A cell with nothing but numbers and what stands between them.
_NUMBERS_ONLY = re.compile(rf"(?:[\d\s.,%()<>≤≥∞{MINUS}{NONE}]|of|to)+")


def p_figures(p: float, style: str = "") -> tuple[str, str]:
    """A p-value as its sign and its figures: ("=", ".03"), ("<", ".001").

    >>> p_figures(0.0314), p_figures(0.00002, "lancet"), p_figures(0.0314, "bmj")
    (('=', '.03'), ('<', '0·0001'), ('=', '0.03'))
    """
    s = style_of(style)

    language = language_of()

    def shown(text: str) -> str:
        if not language.source:  # the zero before the decimal mark is an English habit to leave out
            return text.replace(".", language.point)
        return (text if s.zero else text.lstrip("0")).replace(".", s.point)

    if p is None or math.isnan(p):
        return "=", NONE
    if p < float(s.least):
        return "<", shown(f"0{s.least}")
    if p > 0.99:
        return ">", shown("0.99")
    if s.two_figures:  # as many digits as two significant figures need
        digits = max(2, 1 - math.floor(math.log10(p)))
    else:
        # three digits below .01 and wherever two would move it across .05
        digits = 3 if s.three or p < 0.01 or 0.045 <= p < 0.055 else 2
    return "=", shown(f"{round_half_away(p, digits):.{digits}f}")


def p_value(p: float, style: str = "") -> str:
    """A p-value as a journal writes it; never 0, never above .99. See `core.style` for the rules.

    >>> p_value(0.0004), p_value(0.0314), p_value(0.21), p_value(1.0)
    ('P<.001', 'P=.03', 'P=.21', 'P>.99')
    >>> [p_value(0.0314, style) for style in ("ama", "apa", "bmj", "lancet")]
    ['P = .03', 'p = .031', 'P=0.03', 'p=0·031']
    """
    s, (sign, figures) = style_of(style), p_figures(p, style)
    return f"{s.letter}{s.gap}{sign}{s.gap}{figures}"


def interval(
    low: float, high: float, digits: int = 1, *, level: float | None = None, unit: str = ""
) -> str:
    """An interval in words; with `level`, "95% CI, 0.4 to 2.0". `unit` stands behind the limits.

    >>> interval(-2.54, -1.1, level=0.95)
    '95% CI, −2.5 to −1.1'
    >>> interval(25, 52, 0, unit="%")
    '25 to 52%'
    """
    return limits_text(number(low, digits), number(high, digits), level=level, unit=unit)


def limits_text(low: str, high: str, *, level: float | None = None, unit: str = "") -> str:
    """Two limits, already written, as an interval.

    >>> limits_text("day 3", "day 9", level=0.95)
    '95% CI, day 3 to day 9'
    """
    s = style_of()
    left, right = s.brackets
    if left:
        low = f"{low}{unit}"
    body = f"{left}{_limits(s.to, low, high)}{unit}{right}"
    return (
        body
        if level is None
        else say(f"{{level}} {s.confidence}{{interval}}", level=level_text(level), interval=body)
    )


#: How intervals are announced and joined in the styles of `core.style`.
_ANNOUNCED = (
    message("{level} CI, {interval}"),
    message("{level} CI {interval}"),
    message("{level} confidence interval {interval}"),
    message("{low} to {high}"),
    message("{low}, {high}"),
)


def _limits(to: str, low: str, high: str) -> str:
    return say(f"{{low}}{to}{{high}}", low=low, high=high)


def confidence(level: float) -> str:
    """How an interval is announced: "95% CI, ".

    >>> confidence(0.95)
    '95% CI, '
    """
    return say(
        f"{{level}} {style_of().confidence}{{interval}}", level=level_text(level), interval=""
    )


def bounded(value: float, digits: int = 2) -> str:
    """A number that cannot be above 1 in size, such as a correlation: APA drops its zero.

    >>> bounded(-0.42)
    '−0.42'
    """
    text = number(value, digits)
    bare = style_of().bare and language_of().source
    return re.sub(r"^(\D?)0(?=[.·])", r"\1", text) if bare else text


def styled(text: str) -> str:
    """A finished sentence in the style in force: its decimal mark, spaces around equals signs."""
    s = style_of()
    if s.point != ".":
        text = re.sub(r"(?<=\d)\.(?=\d)", s.point, text)
    return spaced(text) if s.gap else text


def read_number(text: str) -> tuple[float, int, bool] | None:
    """A printed number as (number, digits after the point, whether it is a percentage); None for
    any other text. So a table can be given to a spreadsheet as numbers.

    >>> read_number("−2.50"), read_number("38%"), read_number("<.001"), read_number("5 of 6")
    ((-2.5, 2, False), (0.38, 0, True), None, None)
    """
    found = re.fullmatch(rf"({MINUS}?)(\d*)(?:[.·](\d+))?(%?)", _read_in(text, language_of()))
    if not found or not (found[2] or found[3]):
        return None
    sign, whole, after, share = found.groups()
    value = float(f"{'-' if sign else ''}{whole or 0}.{after or 0}")
    return (value / 100 if share else value), len(after or ""), bool(share)


def _read_in(text: str, language: Language) -> str:
    """A number printed in a language, as English prints it."""
    if language.source:
        return text
    if language.group:
        text = re.sub(rf"(?<=\d){re.escape(language.group)}(?=\d{{3}}(?!\d))", "", text)
    return text.replace(f"{language.percent}%", "%").replace(language.point, ".")


def read_interval(text: str) -> tuple[str, str] | None:
    """The two limits of a printed interval, as texts; None for any other text.

    >>> read_interval("−6.1 to 1.5"), read_interval("25 to 52%"), read_interval("5 of 6")
    (('−6.1', '1.5'), ('25%', '52%'), None)
    >>> read_interval("[−6.1, 1.5]")
    ('−6.1', '1.5')
    """
    between = _limits(", " if text.startswith("[") else " to ", "", "")
    low, to, high = text.strip("[]").partition(between)
    share = percent_sign() if high.endswith("%") and not low.endswith("%") else ""
    limits = [low + share, high]
    if not to or not all(re.fullmatch(rf"{MINUS}?∞%?", t) or read_number(t) for t in limits):
        return None
    return low + share, high


#: Short forms that tables use, for the line of abbreviations below them.
ABBREVIATIONS = MappingProxyType(
    {
        "AIC": "Akaike information criterion",
        "ANCOVA": "analysis of covariance",
        "ANOVA": "analysis of variance",
        "AUC": "area under the curve",
        "BIC": "Bayesian information criterion",
        "BPI": "Brief Pain Inventory",
        "CI": "confidence interval",
        "GEE": "generalised estimating equations",
        "ICC": "intraclass correlation coefficient",
        "IQR": "interquartile range",
        "IV": "intravenous",
        "MCID": "minimal clinically important difference",
        "MID": "minimal important difference",
        "MMRM": "mixed model for repeated measures",
        "NNH": "number needed to harm",
        "NNT": "number needed to treat",
        "NRS": "numerical rating scale",
        "PGIC": "patient global impression of change",
        "PO": "by mouth",
        "QOL": "quality of life",
        "RCI": "reliable change index",
        "SD": "standard deviation",
        "SDC": "smallest detectable change",
        "SE": "standard error",
        "SEM": "standard error of measurement",
        "SL": "sublingual",
        "VAS": "visual analogue scale",
    }
)


def abbreviations(texts: Iterable[str]) -> str:
    """The short forms of some texts with what they stand for, as a journal has them below a table;
    empty where there are none.

    >>> abbreviations(["average pain (NRS)", "95% CI", "mean"])
    'Abbreviations: CI, confidence interval; NRS, numerical rating scale.'
    """
    words = {w for text in texts for w in re.findall(r"[^\W_]+", text)}
    found = [f"{short}, {long}" for short, long in ABBREVIATIONS.items() if short in words]
    return f"Abbreviations: {'; '.join(found)}." if found else ""


def level_text(level: float) -> str:
    """0.95 as '95%', 0.975 as '97.5%'.

    >>> level_text(0.95), level_text(0.975)
    ('95%', '97.5%')
    """
    return f"{_written(f'{100 * level:.10g}', '.')}{percent_sign()}"


def percent_sign() -> str:
    """The percent sign with what stands before it in the language in force."""
    return f"{language_of().percent}%"


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage.

    >>> percent(0.375)
    '38%'
    """
    if share is None or math.isnan(share):
        return NONE
    return f"{number(100 * share, digits)}{percent_sign()}"


def points(difference: float) -> str:
    """A difference of shares, which is no percentage of anything: in percentage points.

    >>> points(0.294), points(-0.01)
    ('29 percentage points', '−1 percentage point')
    """
    text = number(100 * difference, 0)
    if text == NONE:
        return text
    n = 1 if text.lstrip(MINUS) == "1" else 2
    return say_n("{value} percentage point", "{value} percentage points", n, value=text)


def share_of(count: int, total: int) -> str:
    """A count of a total with its percentage: '14 of 35 (40%)'.

    >>> share_of(14, 35), share_of(0, 0)
    ('14 of 35 (40%)', '0 of 0')
    """
    of = {"count": whole(count), "total": whole(total)}
    if not total:
        return say("{count} of {total}", **of)
    return say("{count} of {total} ({share})", **of, share=percent(count / total))


def plural(count: int, noun: str, nouns: str = "") -> str:
    """A count with its noun.

    >>> plural(1, "patient"), plural(2, "patient")
    ('1 patient', '2 patients')
    """
    return f"{count} {noun if count == 1 else (nouns or noun + 's')}"


def listed(items: list[str] | tuple[str, ...]) -> str:
    """Names in a sentence.

    >>> listed(["pain", "sleep", "mood"])
    'pain, sleep and mood'
    """
    items = list(items)
    if not items:
        return say("none")
    if len(items) == 1:
        return items[0]
    return say("{items} and {last}", items=", ".join(items[:-1]), last=items[-1])


def listed_addresses(addresses: Sequence[str], limit: int = 20) -> str:
    """The first addresses and how many more.

    >>> (
    ...     listed_addresses(["B2", "B3", "B9"], 2),
    ...     listed_addresses(["row 2, column nrs", "row 3, column nrs"]),
    ... )
    ('B2, B3 and 1 more', 'row 2, column nrs; row 3, column nrs')
    """
    more = f" and {len(addresses) - limit} more" if len(addresses) > limit else ""
    return ("; " if any(", " in a for a in addresses[:limit]) else ", ").join(
        addresses[:limit]
    ) + more


def digits_for(resolution: float) -> int:
    """Digits for a statistic of a score: as many as the score itself has, at least 1 and at most 3.

    >>> digits_for(1), digits_for(0.1), digits_for(0.001)
    (1, 1, 3)
    """
    if not resolution or math.isnan(resolution):
        return 2
    return min(3, max(1, -math.floor(math.log10(resolution) + 1e-9)))


def tidied(text: str) -> str:
    """No double spaces, and none before a stop: where a score has no unit, nothing stands in its
    place.

    >>> tidied("was 0.12  (95% CI, 0.10 to 0.14 ).")
    'was 0.12 (95% CI, 0.10 to 0.14).'
    """
    return re.sub(r" +(?=[),;:]|\.(?:\s|$))", "", re.sub(r" {2,}", " ", text))


def spaced(text: str) -> str:
    """Equals signs before numbers with spaces around them, as APA has it.

    >>> spaced("n=14 of 16; d_av=−0.64")
    'n = 14 of 16; d_av = −0.64'
    """
    return re.sub(rf"(?<=[\w)²+])=(?=[\d.{MINUS}{NONE}∞])", " = ", text)


def capital(text: str) -> str:
    """A text with its first letter as a capital, as a sentence begins.

    >>> capital("mean pain was 3.2.")
    'Mean pain was 3.2.'
    """
    return text[:1].upper() + text[1:]


def spoken(name: str) -> str:
    """A column or visit name as a person says it.

    >>> spoken("week_4")
    'week 4'

    In another language a visit that is called as most studies call it is in that language; every
    other name stays as it is.

    >>> from outcomes.core.language import speaking
    >>> with speaking("de"):
    ...     spoken("week_4"), spoken("after the course")
    ('Woche\xa04', 'after the course')
    """
    text = str(name).replace("_", " ").strip()
    return text if language_of().source else visit_said(text)


def visit_said(text: str) -> str:
    """A common name of a visit in the language in force; any other text as it is."""
    found = re.fullmatch(r"(hour|day|week|month|year|visit) (\d+)", text.lower())
    if found is None:
        return say("baseline") if text.lower() == "baseline" else text
    n = found[2]
    return {
        "hour": lambda: say("hour {n}", n=n),
        "day": lambda: say("day {n}", n=n),
        "week": lambda: say("week {n}", n=n),
        "month": lambda: say("month {n}", n=n),
        "year": lambda: say("year {n}", n=n),
        "visit": lambda: say("visit {n}", n=n),
    }[found[1]]()


def date_text(iso: str) -> str:
    """A date (2026-05-03) as the language in force writes it; in English as it is.

    >>> from outcomes.core.language import speaking
    >>> with speaking("de"):
    ...     date_text("2026-05-03")
    '3. Mai 2026'
    """
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", iso)
    if found is None or language_of().source or not 1 <= int(found[2]) <= 12:
        return iso
    month = say(MONTHS[int(found[2]) - 1])
    return say("{day} {month} {year}", day=int(found[3]), month=month, year=found[1])


#: The months, for dates in a language.
MONTHS = (
    message("January"),
    message("February"),
    message("March"),
    message("April"),
    message("May"),
    message("June"),
    message("July"),
    message("August"),
    message("September"),
    message("October"),
    message("November"),
    message("December"),
)


def statistic(letter: str, value: float, df: float = math.nan, style: str = "") -> str:
    """A test statistic: `t(34)=−5.2` or, in APA, `t(34) = −5.20`; fractional df keep a digit.

    >>> statistic("t", -5.2431, 34), statistic("t", -5.2431, 33.62, "apa")
    ('t(34)=−5.2', 't(33.6) = −5.24')
    """
    s = style_of(style)
    inside = "" if math.isnan(df) else f"({number(df, 0 if abs(df - round(df)) < 1e-6 else 1)})"
    return f"{letter}{inside}{s.gap}={s.gap}{number(value, 2 if s.three else 1)}"
