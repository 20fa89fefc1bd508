"""What a study file may say: every section and key, declared once."""

from __future__ import annotations

from types import MappingProxyType

from outcomes.config.fields import (
    ANY,
    FILE,
    NAMES,
    TABLE,
    TEXT,
    TEXTS,
    WHOLE,
    YES,
    Field,
    Kind,
    Section,
)
from outcomes.core.language import LANGUAGE_CODES
from outcomes.core.style import STYLE_NAMES
from outcomes.readers.ids import CHOICES
from outcomes.readers.sources.form import FIELDS as LIVE
from outcomes.stats.multiplicity import METHODS
from outcomes.study.engines import ENGINES
from outcomes.study.study import DESIGNS

#: Which of several rows of one visit counts.
SEVERAL = ("closest", "first", "last", "worst", "mean")
COLUMN = Kind("the name of a column in quotes", (str,))
#: Ways to adjust a family that depend on the order of its questions.
ORDERED = ("fixed-sequence", "graph")
#: The strategies of ICH E9(R1) for events after the start of treatment, and what each means for the
#: score.
STRATEGIES = MappingProxyType(
    {
        "treatment policy": "the score is used whatever happened",
        "composite": "the event counts as a failure",
        "hypothetical": "the score as it would have been without the event",
        "while on treatment": "only scores before the event are used",
        "principal stratum": "only patients in whom the event would not happen",
    }
)

SOURCE = Section(
    "data",
    "Instead of a file name, a table says more of how a file is read: `scores = { file ="
    ' "clinic.xlsx", sheet = "Scores" }`',
    (
        Field("file", FILE, "the file, relative to the study file", '"clinic.xlsx"'),
        Field("sheet", TEXT, "the sheet of a workbook", '"Scores"'),
        Field(
            "sheets",
            TEXTS,
            "the sheets of a workbook that are one table in parts; `by` says what their names are",
            '["Baseline", "Week 4"]',
        ),
        Field(
            "more",
            TEXTS,
            "further files that are parts of the same table; `by` says what the files' names are",
            '["south.csv"]',
        ),
        Field(
            "by",
            TEXT,
            "the new column that holds the names of the sheets or files: visit, site, patient …",
            '"visit"',
        ),
        Field(
            "header", WHOLE, "the number of the row with the headings", "4", least=1, most=1_000_000
        ),
        Field(
            "last",
            WHOLE,
            "the number of the last row of the table, where more stands below it",
            "41",
            least=1,
            most=100_000_000,
        ),
        Field("delimiter", TEXT, "what separates the cells of a text table", '";"'),
        Field("encoding", TEXT, "how a text table is encoded", '"cp1252"'),
        Field(
            "labels",
            (YES, TEXTS),
            "value labels of a statistics file instead of codes: in all columns, or in these",
            '["sex"]',
        ),
        Field("unfinished", YES, "keep the answers of a survey that nobody submitted", "true"),
        Field("dictionary", FILE, "the data dictionary of a REDCap export", '"dictionary.csv"'),
        Field("form", TEXT, "the one form of a REDCap export to read", '"infusion_log"'),
        Field("without", TEXTS, "the forms of a REDCap export to leave out", '["infusion_log"]'),
        Field(
            "measure", TEXT, "where each row is one answer: the column that names it", '"measure"'
        ),
        Field("value", TEXT, "the column of its value", '"value"'),
        Field(
            "each", TEXTS, "the columns of patient and visit (or date)", '["patient_id", "visit"]'
        ),
        Field("concepts", TABLE, "the column of each OMOP concept", '{ "72514-3" = "nrs_avg" }'),
        Field(
            "resource",
            TEXT,
            "what to read of a FHIR file: QuestionnaireResponse or Observation",
            '"Observation"',
        ),
        Field(
            "per",
            TEXT,
            "day: all that a patient gave on one day makes one row of a FHIR file",
            '"day"',
        ),
        Field("codes", TABLE, "numbers of coded answers in a FHIR file", '{ "LA6569-3" = 1 }'),
        Field(
            "repeats", TEXTS, "questions of a FHIR file that may have several answers", '["4.2"]'
        ),
        *LIVE,
    ),
    noun="field",
    title="More about one file, database or server",
)

STUDY = Section(
    "study",
    "What the study is",
    (
        Field("title", TEXT, "the title of reports", '"Ketamine clinic, cohort 2025"', shown=True),
        Field("design", TEXT, "the design", '"before-after"', allowed=DESIGNS, shown=True),
        Field(
            "style",
            TEXT,
            "the journal whose style numbers, P and intervals have in reports",
            '"bmj"',
            allowed=STYLE_NAMES,
        ),
        Field(
            "language",
            TEXT,
            "the language of reports: English, German, French, Spanish, Portuguese or Dutch",
            '"de"',
            allowed=LANGUAGE_CODES,
        ),
        Field(
            "arms",
            (TABLE, NAMES),
            "the treatments compared: the value in the data = the label in tables and pictures, or"
            " only their names; no other is accepted",
            '{ K = "ketamine", P = "placebo" }',
        ),
        Field(
            "reference",
            TEXT,
            "the arm (in a study of routes, the route) that every comparison compares with",
            '"placebo"',
        ),
        Field(
            "entry",
            TABLE,
            "who was admitted: feeds the regression-to-the-mean guard",
            '{ outcome = "pain_nrs_average", at_least = 4 }',
            shown=True,
        ),
        Field(
            "include",
            TABLE,
            "only these patients, who are counted: the values a characteristic may have, or"
            " at_least and at_most",
            '{ diagnosis = ["CRPS", "FM"], age = { at_least = 18 } }',
        ),
        Field(
            "form",
            WHOLE,
            "the form of this file, as outcomes init writes it; older forms are read, newer ones"
            " refused",
            "2",
        ),
        Field("sample", YES, "marks invented data on every page and picture", "true"),
    ),
    shown=True,
)
DATA = Section(
    "data",
    "The tables, and how their cells are read; file names are relative to the study file",
    (
        Field(
            "scores",
            (FILE, TABLE),
            "one row a patient and visit (or one row a patient, see [wide])",
            '"scores.csv"',
            needed=True,
            shown=True,
            inside=SOURCE,
        ),
        Field(
            "patients",
            (FILE, TABLE),
            "one row a patient: diagnosis, route, age band …",
            '"patients.csv"',
            shown=True,
            inside=SOURCE,
        ),
        Field(
            "infusions",
            (FILE, TABLE),
            "one row an infusion: day or date, route, dose",
            '"infusions.csv"',
            shown=True,
            inside=SOURCE,
        ),
        Field(
            "events",
            (FILE, TABLE),
            "one row a side effect: event, infusion, severity, relation …",
            '"side_effects.csv"',
            shown=True,
            inside=SOURCE,
        ),
        Field(
            "missing",
            NAMES,
            "codes that mean missing: counted apart from blanks",
            '["-99", "UNK"]',
            default=(),
            shown=True,
        ),
        Field(
            "date_order",
            TEXT,
            "only where 03/04 could be either",
            '"dmy"',
            allowed=("dmy", "mdy"),
            default="",
        ),
        Field(
            "ids",
            TEXT,
            "whether patient codes that differ by spaces, also capitals, or also leading zeros"
            " (numbers) are the same person; distinct: none is",
            '"trim"',
            allowed=CHOICES,
            default="exact",
            noun="way of comparing ids",
        ),
        Field(
            "dictionary", FILE, "a REDCap project's data dictionary", '"dictionary.csv"', default=""
        ),
        Field(
            "snapshot",
            FILE,
            "the folder of a snapshot: what databases and servers gave then is read again, and none"
            " is asked",
            '"reports/source-snapshot"',
            default="",
        ),
        Field(
            "folders",
            TEXTS,
            "folders outside the study file's own that its files may be read from",
            '["../exports"]',
            default=(),
        ),
    ),
    needed=True,
    shown=True,
)
_ROLES = {
    "patient": (
        "the patient's code; needed. Several columns where it is unique only within a site:"
        ' ["site", "id"]',
        '"patient_id"',
    ),
    "visit": ("the visit", '"visit"'),
    "period": ("the period of a crossover study", '"period"'),
    "episode": ("the course of infusions", '"episode"'),
    "arm": ("the treatment of a patient, or in a period", '"arm"'),
    "sequence": ("the order of treatments", '"sequence"'),
    "site": ("the clinic", '"site"'),
    "route": ("the route of administration", '"route"'),
    "date": ("the date of a row", '"date"'),
    "infusion": ("the number of the infusion", '"infusion"'),
    "day": ("the day, counted from the first infusion", '"day"'),
    "dose": ("the dose", '"dose"'),
    "event": ("the side effect", '"event"'),
    "severity": ("how severe it was", '"severity"'),
    "relation": ("whether the treatment caused it", '"relation"'),
    "onset": ("the day or hour it began", '"onset"'),
    "serious": ("whether it was serious: yes or no", '"serious"'),
}
ROLES = Section(
    "roles",
    "Which column is what; a column that has the name of its role need not be said",
    tuple(
        Field(
            n,
            (COLUMN, TEXTS) if n == "patient" else COLUMN,
            why,
            example,
            shown=n in ("patient", "visit"),
        )
        for n, (why, example) in _ROLES.items()
    ),
    shown=True,
    noun="role",
)
VISITS = Section(
    "visits",
    "The visits and their order",
    (
        Field(
            "order",
            NAMES,
            "the visits in time",
            '["baseline", "week_4", "week_12"]',
            default=(),
            shown=True,
        ),
        Field(
            "baseline",
            TEXT,
            "the visit before treatment; the first where nothing is said",
            '"baseline"',
            default="",
            shown=True,
        ),
        Field(
            "names",
            TABLE,
            "the name in the file = the name in the study, where they differ",
            '{ "V1" = "baseline", "V2" = "week_4" }',
            default=MappingProxyType({}),
        ),
        Field(
            "several",
            TEXT,
            "which row counts where a patient has several at one visit (they need a day or date):"
            " the closest to the middle of the visit's days, the first, the last, the worst score"
            " or the mean. At baseline it is the last before treatment",
            '"closest"',
            allowed=SEVERAL,
            default="",
        ),
        Field(
            "baseline_columns",
            TABLE,
            "the column of each score's baseline, where a long table has it beside the later"
            " scores in every row",
            '{ nrs_avg = "base_pain" }',
            default=MappingProxyType({}),
        ),
        Field(
            "days",
            TABLE,
            "first and last day of each visit, where rows have dates (or days) and no visit",
            "{ baseline = [-7, 0], week_4 = [14, 42] }",
            default=MappingProxyType({}),
        ),
    ),
    shown=True,
)
INSTRUMENTS = Section(
    "instruments",
    "Questionnaires of the library (`outcomes instruments` lists them) and of your own",
    entry=Field(
        "pain_nrs",
        ANY,
        "an item, score or option and its column; prefix or items of the columns; true where the "
        "library knows the columns' names; file, an instrument of your own",
        '{ average = "nrs_avg" }',
        shown=True,
    ),
    shown=True,
)
OUTCOMES = Section(
    "outcomes",
    "Scores of no known instrument",
    entry=Field(
        "headache",
        ANY,
        "its column, title, unit, which side is better (lower or higher), low, high, resolution,"
        " mdc95; of_change = true for a rating of change such as the PGIC",
        '{ column = "pk", title = "headache score", better = "lower", resolution = 0.01 }',
        shown=True,
    ),
    shown=True,
)
COLUMNS = Section(
    "columns",
    "Types of other columns, where reading them as text is not enough",
    entry=Field(
        "age", ANY, "number, integer, category, date, yes/no or text", '"number"', shown=True
    ),
    shown=True,
)
LABELS = Section(
    "labels",
    "What the codes of a column mean: tables and pictures show the labels",
    entry=Field(
        "sex",
        TABLE,
        "the code in the file = its label; a code without a label stays and is counted. Arms have"
        " theirs under [study], visits under [visits] names",
        '{ 1 = "female", 2 = "male" }',
        shown=True,
    ),
    shown=True,
)
_VISIT_COLUMN = Section(
    "wide.columns",
    "The column of each visit",
    entry=Field("visit", COLUMN, "the column that holds the score at this visit", '"nrs_before"'),
)
_WIDE_COLUMNS = Section(
    "wide.columns",
    "The columns of each score",
    entry=Field(
        "nrs",
        TABLE,
        "the column of each visit",
        '{ baseline = "nrs_before", week_4 = "nrs_later" }',
        inside=_VISIT_COLUMN,
    ),
)
WIDE = Section(
    "wide",
    "Instead of a visit role, for one row a patient: which columns hold one score at several"
    " visits",
    (
        Field(
            "columns",
            TABLE,
            "the columns of each score, by visit",
            '{ nrs = { baseline = "nrs_before", week_4 = "nrs_later" } }',
            inside=_WIDE_COLUMNS,
        ),
        Field(
            "suffix",
            TABLE,
            "what the columns of each visit end in",
            '{ baseline = "_pre", week_4 = "_post" }',
        ),
        Field(
            "prefix",
            TABLE,
            "what the columns of each visit begin with",
            '{ baseline = "Pre", week_4 = "Post" }',
        ),
    ),
)
PRIVACY = Section(
    "privacy",
    "Columns that look as if they identify a patient",
    (
        Field(
            "allow",
            NAMES,
            "looked at, and no identifier",
            '["initials_of_site"]',
            default=(),
            shown=True,
        ),
        Field("drop", NAMES, "never read", '["free_text"]', default=(), shown=True),
    ),
    shown=True,
)
_SENTENCES = {
    "setting": "where and when patients were treated",
    "eligibility": "who was eligible",
    "treatment": "what was given, and how",
    "collection": "how answers were collected",
    "sample_size": "why so many patients",
    "randomisation": "how arms were assigned",
    "blinding": "who knew the arm",
    "registration": "where the study is registered",
    "funding": "who paid",
    "ethics": "who approved it",
    "crossover_reason": "why a crossover design",
    "washout": "how long the washout was, and why",
}
ENGINE = Section(
    "engine",
    "Where a study too large to be held is worked on, in parts of whole patients; `outcomes run`"
    " and `oc.read_parts` use it",
    (
        Field(
            "name",
            TEXT,
            "one part after another, processes of this machine, or a cluster",
            '"processes"',
            allowed=tuple(ENGINES),
            default="serial",
            noun="engine",
        ),
        Field("parts", WHOLE, "how many parts", "64", least=1, most=100_000, default=0),
        Field("workers", WHOLE, "how many processes", "4", least=1, most=10_000, default=0),
        Field(
            "scheduler",
            TEXT,
            "the address of a Dask scheduler",
            '"tcp://10.0.0.5:8786"',
            default="",
        ),
        Field(
            "folder",
            TEXT,
            "where the parts lie while they are worked on; all workers must see it",
            '"/scratch/registry"',
            default="",
        ),
    ),
)
PAPER = Section(
    "paper",
    "What a paper must say and the data cannot: one sentence each, for the report's checklist",
    tuple(Field(n, (TEXT, WHOLE), why) for n, why in _SENTENCES.items()),
)
FAMILY = Section(
    "families",
    "How one family of questions is adjusted",
    (
        Field(
            "adjust",
            TEXT,
            "the method",
            '"BH"',
            allowed=(*METHODS, *ORDERED),
            default="holm",
            noun="way to adjust a family",
        ),
        Field(
            "after",
            TEXT,
            "a family that must succeed wholly before this one is opened",
            '"pain and function"',
            default="",
        ),
        Field(
            "weights",
            Kind("a list of numbers", (list, tuple), (int, float)),
            "for graph: the share of each question",
            "[0.5, 0.5]",
            default=(),
        ),
        Field(
            "transitions",
            Kind("a list of lists", (list, tuple), (list, tuple)),
            "for graph: what goes from a rejected question to each other",
            "[[0, 1], [1, 0]]",
            default=(),
        ),
    ),
    title="One family",
)
FAMILIES = Section(
    "families",
    "How families of questions are adjusted; Holm's method where nothing is said",
    entry=Field(
        "sleep and mood",
        (TEXT, TABLE),
        "a method, or a table of the keys below",
        '{ adjust = "BH" }',
        inside=FAMILY,
    ),
)
ESTIMAND = Section(
    "estimand",
    "What is estimated (ICH E9(R1)); printed with every result",
    (
        Field(
            "population",
            TEXT,
            "in whom",
            '"adults treated for chronic pain"',
            default="",
            shown=True,
        ),
        Field(
            "treatment",
            TEXT,
            "of which treatment",
            '"ketamine as the clinic gives it"',
            default="",
            shown=True,
        ),
        Field(
            "variable",
            TEXT,
            "of what; each question says its own where nothing is said",
            '"pain, 0 to 10"',
            default="",
        ),
        Field(
            "summary",
            TEXT,
            "by which summary; each question says its own where nothing is said",
            '"mean change"',
            default="",
        ),
        Field(
            "events",
            TABLE,
            f"what happens to each intercurrent event: {', '.join(STRATEGIES)}; a table says more:"
            " strategy, and column, event or infusion (where it is found), score (of a failure),"
            " stratum",
            '{ "rescue opioid" = "composite", "new drug" = { strategy = "hypothetical", column ='
            ' "new_drug" } }',
            default=(),
            shown=True,
        ),
    ),
    shown=True,
)
ANALYSIS = Section(
    "analysis",
    "The plan: one table a question, in order",
    (
        Field(
            "method",
            ANY,
            "`outcomes methods` lists them, `outcomes methods PairedT` shows the fields of one",
            '"PairedT"',
            shown=True,
        ),
        Field(
            "outcome",
            ANY,
            'a score: <instrument>_<score>; a bare "pain_nrs" means its default score',
            '"pain_nrs_average"',
            shown=True,
        ),
        Field("before", ANY, "a visit", '"baseline"', shown=True),
        Field("after", ANY, "a later visit", '"week_4"', shown=True),
        Field(
            "role",
            ANY,
            "primary, secondary, sensitivity or exploratory (the default)",
            '"primary"',
            shown=True,
        ),
        Field(
            "family",
            ANY,
            "P values are adjusted within a family",
            '"pain and function"',
            shown=True,
        ),
        Field(
            "label", ANY, "the question in your own words", '"Did pain fall by week 4?"', shown=True
        ),
    ),
    entry=Field("…", ANY, "further fields of the method"),
    many=True,
    shown=True,
)

#: The sections of a study file, in the order in which a person writes them.
SECTIONS = (
    STUDY,
    DATA,
    ROLES,
    VISITS,
    INSTRUMENTS,
    OUTCOMES,
    COLUMNS,
    LABELS,
    WIDE,
    PRIVACY,
    ENGINE,
    PAPER,
    FAMILIES,
    ESTIMAND,
    ANALYSIS,
)
