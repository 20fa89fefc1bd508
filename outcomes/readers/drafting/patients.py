"""Which column names the patient, which the visit: by headings, by what a survey system numbers by
itself, by which codes repeat.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from outcomes.readers.cells import TextTable, key, shape

#: Headings that name the patient, the plainest first.
_NAMES = """
    patient_id patientid patient subject_id subject study_id participant_id participant record_id
    record usubjid person_id id pid patient_code code pin patnr case_id external_reference
    external_data_reference study_code studycode pseudonym patienten_id patient_nr pat_id
    patientennr pat_nr proband probanden_id probandennummer teilnehmer teilnehmer_id identifiant
    id_patient code_patient numero_patient paciente id_paciente codigo_paciente codigo paziente
    id_paziente codice_paziente patientnummer deelnemer deelnemer_id pat patientencode
    code_patient numero_sujet sujet patientenkennung fallnummer mrn nhs_number hospital_number
    patientennummer vpnr vpn vp vp_nr versuchspersonen_nr pbn pbnr probandennr pseudonym_id
    n_patient num_patient no_patient id_doente codigo_doente id_utente codigo_utente doente utente
    participante codigo_participante id_participante sujeto id_sujeto codigo_sujeto
    n_processo no_processo num_processo n_historia no_historia num_historia nhc
    study_subject_id screening_number randomisation_number randomization_number
""".split()  # noqa: SIM905
#: What a survey system numbers by itself: answers and senders, not patients.
_ANSWERS = ("response_id", "respondent_id", "collector_id", "responseid")
#: What a column is called that numbers the rows of a table.
_NUMBERS = re.compile(
    r"(lfd_?)?(nr|no|n|num|number|nummer|numero|row|zeile|index|id|record|record_id)"
)
#: Columns that only these systems write beside an `ID` of the answer: Microsoft Forms, LimeSurvey.
_FORMS = (
    {"start_time", "completion_time"},
    {"startzeit", "fertigstellungszeit"},
    {"heure_de_debut", "heure_de_fin"},
    {"hora_de_inicio", "hora_de_finalizacion"},
    {"ora_di_inizio", "ora_di_completamento"},
    {"begintijd", "tijd_van_voltooien"},
    {"submitdate", "startlanguage"},
    {"lastpage", "startlanguage"},
    {"date_submitted", "last_page"},
    {"date_submitted", "start_language"},
)
#: Words of a heading that asks for the patient's code.
_PERSON = re.compile(
    r"(^|_)(pat|patients?|study|participant|subject|subj|pseudonym|proband\w*|teilnehmer\w*|client"
    r"|patient(nr|no|num|id|code)|patienten\w*|studien\w*|paciente|doente|utente|participante|sujeto"
    r"|soggetto|paziente|etude|estudio|studio|deelnemer\w*|studie\w*)(_|$)"
)
_CODE = re.compile(
    r"(^|_)(code|codes|cod|id|ids|identifier|identification|number|nr|no|n|num|nummer|kennung|numero|codigo|codice|identifiant"
    r"|pseudonym|kenn\w*|\w+(code|nummer|kennung|nr|id|num))(_|$)"
)
_ENDS = re.compile(r"(^|_)(id|code|nr|no|number)$")
#: Words of a heading that asks for the visit.
_VISIT = re.compile(
    r"(^|_)(visit|timepoint|time_point|zeitpunkt|besuch|messzeitpunkt|visite|visita|bezoek|moment"
    r"|meetmoment|messung|consulta|momento|avaliacao|evaluacion|tijdstip|tijdspunt"
    r"|questionnaire_time|study_event|event_oid|studyeventoid|folder|folder_name|instance_name"
    r"|erhebung|befragung|erhebungszeitpunkt|untersuchung|contact_moment)(_|$)"
)


def patient_column(table: TextTable) -> str:
    """The column that names the patient, or an empty string where none does: an age or a score is
    never taken for one.

    >>> import pandas as pd
    >>> rows = {"ID": ["1", "2"], "Start time": ["", ""], "Completion time": ["", ""]}
    >>> rows |= {"Patient code": ["K1", "K1"]}
    >>> patient_column(TextTable("a", pd.DataFrame(rows), pd.RangeIndex(2).to_numpy()))
    'Patient code'
    """
    called = headings(table, table.columns)
    filled = [c for c in table.columns if (table[c] != "").any()]
    numbered = {c for c in filled if key(c) in _ANSWERS} | answer_numbers(table)
    numbered |= row_numbers(table)
    names = (*_NAMES, "token") if answer_numbers(table) else _NAMES
    known = [c for n in names if (c := called.get(n, "")) in filled and c not in numbered]
    asked = [
        c
        for c in filled
        if c not in numbered
        and any(_PERSON.search(k) and _CODE.search(k) for k in _keys(table, c))
        and not re.search(r"(date|datum|fecha|data|name|nom)(_|$)", key(c))
    ]
    ends = [c for c in filled if _ENDS.search(key(c)) and c not in numbered]
    found = list(dict.fromkeys([*known, *asked, *ends]))
    repeated = [c for c in found if table[c][table[c] != ""].duplicated().any()]
    if found and repeated and key(found[0]) in ("id", "record", "code", "pid"):
        alone = not table[found[0]].duplicated().any()
        return repeated[0] if alone and visit_column(table, filled) else found[0]
    return found[0] if found else ""


def turned(table: TextTable) -> bool:
    """Whether a table seems to have its patients in columns: most headings are codes that count.

    >>> import pandas as pd
    >>> turned(TextTable("a", pd.DataFrame(columns=["", "K1", "K2", "K3"]), pd.RangeIndex(0)))
    True
    """
    shapes = [shape(c) for c in table.columns[1:] if any(d.isdigit() for d in c)]
    return len(shapes) >= 3 and len(set(shapes)) == 1 and len(shapes) >= len(table.columns) - 2


def answer_numbers(table: TextTable) -> set[str]:
    """The columns in which a survey system numbers its answers, where its other columns show it."""
    keys = {key(c): c for c in table.columns}
    if not any(form <= set(keys) for form in _FORMS):
        return set()
    return {keys[k] for k in ("id", "response_id") if k in keys}


def row_numbers(table: TextTable) -> set[str]:
    """The columns that number the rows of a table with a column of visits: 1, 2, 3 … whoever the
    patient is.

    >>> import pandas as pd
    >>> rows = {"Nr": ["1", "2", "3"], "visit": ["pre", "pre", "post"]}
    >>> row_numbers(TextTable("a", pd.DataFrame(rows), pd.RangeIndex(3).to_numpy()))
    {'Nr'}
    """
    counted = [str(i) for i in range(1, len(table) + 1)]
    found = {
        c for c in table.columns if _NUMBERS.fullmatch(key(c)) and table[c].tolist() == counted
    }
    rest = [c for c in table.columns if c not in found]
    return found if found and len(table) > 2 and _named_visit(table, rest) else set()


def _named_visit(table: TextTable, columns: Sequence[str]) -> bool:
    """Whether a column holds a few names that repeat and that the heading or the names say are
    visits.
    """
    asked = visit_column(table, columns)
    return bool(asked) and table[asked].duplicated().mean() >= 0.25


def visit_column(table: TextTable, columns: Sequence[str]) -> str:
    """The column whose heading, or question, asks for the visit; blank where none or several do."""
    found = [c for c in columns if any(_VISIT.search(k) for k in _keys(table, c))]
    short = [c for c in found if 1 < table[c].str.strip().nunique() <= 30]
    dated = [c for c in short if re.search(r"(^|_)(date|datum|fecha|day)(_|$)", key(c))]
    rest = [c for c in short if c not in dated]
    return rest[0] if len(rest) == 1 else ""


def parts_of_code(table: TextTable, patient: str, visit: str, site: str) -> list[str]:
    """Site and code, where codes are unique only within a site: a code has two rows of one visit
    that the site tells apart.
    """
    if not site or not patient:
        return []
    rows = [patient, visit] if visit else [patient]
    alone = table.frame.duplicated(rows).any()
    return [site, patient] if alone and not table.frame.duplicated([site, *rows]).any() else []


def headings(table: TextTable, columns: Sequence[str]) -> dict[str, str]:
    """The columns by what they are called: by what the file says of them in words, or by their
    headings, which go first.
    """
    titles = {key(t): c for c in reversed(columns) if (t := table.declared.titles.get(c, ""))}
    return titles | {key(c): c for c in reversed(columns)}


def _keys(table: TextTable, column: str) -> list[str]:
    title = table.declared.titles.get(column, "")
    return [key(column), *([key(title)] if title else [])]
