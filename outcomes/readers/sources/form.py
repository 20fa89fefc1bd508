"""What a study file may say of a database or server, instead of a file."""

from __future__ import annotations

from outcomes.config.fields import FILE, TABLE, TEXT, TEXTS, WHOLE, Field

#: How a FHIR server may be asked, and what each means.
WAYS = {
    "search": "a search for the resource, page by page",
    "everything": "$everything of each patient that a search for patients finds",
    "export": "a bulk export ($export)",
}
#: Where a secret may be; never in the file itself.
SECRET = "env:NAME (an environment variable) or keyring:SERVICE/USER"

FIELDS = (
    Field(
        "database",
        TEXT,
        "a database, PostgreSQL or SQLite, in place of `file`: its address without a password",
        '"postgresql://reader@db.clinic.example/registry"',
    ),
    Field(
        "query", TEXT, "what to read of a database: one SELECT", '"SELECT id, visit, nrs FROM s"'
    ),
    Field("table", TEXT, "or one of its tables or views", '"clinic.scores"'),
    Field(
        "password",
        TEXT,
        f"where the password of a database is: {SECRET}",
        '"env:REGISTRY_PASSWORD"',
    ),
    Field(
        "redcap",
        TEXT,
        "a REDCap server, in place of `file`: the address of its API",
        '"https://redcap.clinic.example/api/"',
    ),
    Field("fields", TEXTS, "the fields to read of a REDCap project; all, without it", '["phq9_1"]'),
    Field(
        "fhir",
        TEXT,
        "a FHIR server, in place of `file`: its base address",
        '"https://fhir.clinic.example/r4"',
    ),
    Field(
        "pull",
        TEXT,
        "how a FHIR server is asked: " + "; ".join(f"{k}, {v}" for k, v in WAYS.items()),
        '"search"',
        allowed=tuple(WAYS),
        noun="way to ask a FHIR server",
    ),
    Field(
        "search",
        TABLE,
        "the search parameters of a FHIR server; of its patients, with everything",
        '{ code = "http://loinc.org|72514-3" }',
    ),
    Field(
        "group", TEXT, "the id of the Group whose patients a FHIR server exports", '"pain-clinic"'
    ),
    Field(
        "token",
        TEXT,
        f"where the token of a REDCap or FHIR server is: {SECRET}",
        '"env:REDCAP_TOKEN"',
    ),
    Field(
        "page",
        WHOLE,
        "how many records (or resources) are asked for at a time",
        "500",
        least=1,
        most=100_000,
    ),
    Field(
        "timeout",
        WHOLE,
        "how many seconds an answer may take; 60 where nothing is said",
        "120",
        least=1,
        most=3600,
    ),
    Field("ca", FILE, "certificates (PEM) of the clinic's own authority", '"clinic-ca.pem"'),
)
NAMES = tuple(f.name for f in FIELDS)
#: The fields that say which database or server it is; a table has one of them, or a file.
PLACES = ("database", "redcap", "fhir")
#: Which of the fields say something of each.
TAKES = {
    "database": ("query", "table", "password", "timeout", "ca"),
    "redcap": ("fields", "token", "page", "timeout", "ca"),
    "fhir": ("pull", "search", "group", "token", "page", "timeout", "ca"),
}
