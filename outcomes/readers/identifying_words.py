"""What columns that identify a patient are called: words of headings, in any order, whole or
abbreviated, in the languages of the reports.
"""

from __future__ import annotations

import re
import unicodedata

#: Column names, as words without accents and capitals. "=x" is the whole name; otherwise the words
# stand together anywhere.
_NAMES: dict[str, str] = {
    "name": (
        "=init =inits =kuerzel =initial =name =names =nom =nombre =naam =nome =noms =prenom"
        " =nombres =initials patient name|full"
        " name|first name|firstname|last name|lastname|surname|family name|given name|middle"
        " name|maiden name|forename|name of"
        " patient|initials|initialen|initiales|iniciales|voorletters|iniziali|vorname|nachname|familienname|geburtsname|patientenname|prenom|nom"  # noqa: E501
        " de famille|nom du patient|nom patient|nombre del paciente|nombre"
        " completo|apellido|apellidos|voornaam|achternaam|naam patient|patientnaam|cognome|nome"
        " completo|nome paciente|nome do paciente|nome"
        " paziente|sobrenome|apelido|lname|fname|mname|sname|ptname|patname|pat name|pt name|client"
        " name|name patient|naam voor|naam achter|nom famille|nombre paciente|next of kin|emergency"
        " contact|mother name|father name|tussenvoegsel|nom usuel|nom usage|recipient last"
        " name|recipient first name"
    ),
    "geography": (
        "=morada =freguesia =concelho =localidade =city =town =county =address =street =zip =plz"
        " =ort =stadt =rue =calle =straat =cep =ville"
        " =ciudad =comune =citta =cidade =rua =adresse =adres address line|home address|street"
        " address|postal address|postal code|postcode|post code|zip"
        " code|zipcode|zip5|postleitzahl|wohnort|strasse|anschrift|code postal|codigo"
        " postal|direccion|domicilio|woonplaats|indirizzo|codice"
        " postale|endereco|latitude|longitude|geolocation|location latitude|location"
        " longitude|adresse postale|lieu de naissance|place of birth|geburtsort|luogo di nascita"
    ),
    "date of birth": (
        "=dob =birthdate =gebdat =ddn =ndn date of birth|birth date|birth dt|birthdt|dt birth|birth"
        " day|birthday|birthdate|geburtsdatum|geb datum|date de naissance|date naissance|fecha de"
        " nacimiento|fecha nacimiento|geboortedatum|data di nascita|data nascita|data de"
        " nascimento|data nascimento|patient dob|dob"
    ),
    "phone or fax": (
        "=tel =phone =fax =mobile =telefon =telephone =telefono =telefone =telefoon =handy =movil"
        " =celular =contacto =contato =contact phone number|phone no|phone num|cell no|cell"
        " num|cell number|mob no|mobile"
        " no|contact no|contact number|contact phone|tel number|home phone|cell phone|mobile"
        " phone|mobile number|telephone number|tel no|telefonnummer|handynummer|numero de"
        " telephone|numero de telefono|telefoonnummer|mobiel|cellulare|telemovel|fax"
        " number|faxnummer"
    ),
    "e-mail": (
        "=email =mail =courriel =correo email|e mail|mail address|courriel|correo"
        " electronico|recipient email"
    ),
    "national or social security number": (
        "=nss =sns =nus =niss =ssn =nhs =bsn =nir =dni =nie =nif =cpf =curp =ahv =personnummer"
        " ssn|social security|nhs"
        " number|nhs no|nhs num|ni number|nhs id|chi number|national id|national"
        " insurance|insee|numero de securite sociale|numero securite sociale|no"
        " secu|sozialversicherungsnummer|burgerservicenummer|codice fiscale|cartao de"
        " cidadao|numero de utente|steuer id|ahv nummer|pesel"
    ),
    "record number": (
        "=mrn =urn =nhc =processo =nip =nhs_no mrn|n processo|no processo|num processo|hosp"
        " no|hosp num|medical record|hospital number|hospital no|hospital"
        " id|chart number|chart no|case number|fallnummer|patientennummer|aktenzeichen|numero de"
        " dossier|no dossier|historia clinica|numero de"
        " historia|dossiernummer|patientnummer|cartella clinica|numero cartella|prontuario|processo"
        " clinico"
    ),
    "health plan or account number": (
        "=iban health plan|insurance number|insurance id|insurance no|policy number|policy"
        " no|member"
        " id|medicare|medicaid|versichertennummer|versicherungsnummer|krankenversicherungsnummer|numero"  # noqa: E501
        " d assurance|numero de poliza|polisnummer|account number|bank account|kontonummer|credit"
        " card"
    ),
    "licence, vehicle or device number": (
        "=vin =imei =udi licence number|license number|license plate|licence plate|driver"
        " license|driving"
        " licence|passport|reisepass|passeport|pasaporte|paspoort|passaporto|passaporte|device"
        " serial|geraetenummer|device id|mac address"
    ),
    "web or network address": (
        "=ip =url =ip_address ip address|ipaddress|web"
        " address|website|homepage|facebook|twitter|instagram"
    ),
    "biometric or photograph": (
        "=photo =photograph fingerprint|voice print|retina scan|face photo|patient photo|iris scan"
    ),
    "free text": (
        "=comment =commentss =note =remarks =remark =narrative =kommentar =bemerkung =commentaire"
        " =comentario =opmerking =commenti =commento =observacoes =freetext free text|freetext|free"
        " response|comments|clinical notes|nurse notes|progress"
        " notes|bemerkungen|kommentare|anmerkungen|freitext|commentaires|remarques|texte"
        " libre|comentarios|observaciones|texto libre|opmerkingen|vrije tekst|testo"
        " libero|osservazioni|comentario|anything else|please specify|other specify"
    ),
}


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: Headings that are made of a noun and words that say whose or which, and of nothing else: "pat
#: surname", "phone home 2", "NHSNumber". The first set is the noun, the second its company.
_MADE_OF: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "name": (
        _set("name names nm nom noms nombre nombres naam nome nomi"),
        _set(
            "patient patients pat pt ptn subj subject participant client person proband probanden"
            " teilnehmer paciente pacientes paziente deelnemer cliente utente doente doentes"
            " sujeito first fst last lst"
            " full given family middle maiden christian preferred known birth legal contact gp"
            " carer caregiver spouse partner wife husband mother father parent guardian relative"
            " physician doctor own completo complet pila apellidos apellido familia naissance"
            " jeune fille famille usage voor achter meisjes vor nach ruf geburts familien"
            " cognome sur fore nick de du des del della di da do d of the usuel usage"
        ),
    ),
    "phone or fax": (
        _set(
            "phone tel telephone telefon telefono telefone telefoon mobile mob cell handy movil"
            " portable fax cellulare telemovel gsm"
        ),
        _set(
            "no nr num number nummer numero home work private privat privat patient pat pt casa"
            " maison paciente paziente patienten contact primary main fixe domicile mobil lavoro"
        ),
    ),
    "geography": (
        _set(
            "address addr adresse adres anschrift direccion indirizzo morada street strasse str rue"
            " calle town city plz zip postcode postal wohnort residence residenza domicilio"
        ),
        _set(
            "line home patient pat pt no nr number nummer street code current ort town city and"
            " postal paciente paziente casa domicile permanent haus hausnr de du del di"
        ),
    ),
    "date of birth": (
        _set(
            "dob birth birthdate bday bdate born geb geburt geburts geburtstag gebdatum naissance"
            " naiss nac nacim nacimiento nasc nascita nascimento geboorte dn fnac ddn dnaiss"
        ),
        _set(
            "date dt dat datum fecha data day d f of de di da du le patient pat pt paciente"
            " paziente tag"
        ),
    ),
    "record number": (
        _set(
            "mrn hosp hospital chart dossier ipp nhc historia cartella prontuario fall fallnummer"
            " akte akten krankenakte processo"
        ),
        _set("no nr num number id nummer numero patient pat clinica clinico"),
    ),
    "national or social security number": (
        _set(
            "ssn nhs chi secu nir dni nie nif bsn cip cpf fiscale ssnr svnr ahv insee tessera"
            " tarjeta steuer"
        ),
        _set("no nr num number numero nummer id cod codice patient sanitaria last4 4"),
    ),
    "health plan or account number": (
        _set("insurance versicherten versicherung kv krankenkasse krankenkassen kassen assurance"),
        _set("no nr num number nummer numero id policy"),
    ),
    "licence, vehicle or device number": (
        _set("licence license lic passport device driver drivers imei pacemaker"),
        _set("no nr num number nummer id serial driver drivers"),
    ),
    "e-mail": (
        _set("email mail correo courriel emailaddress e"),
        _set("address addr patient pat paciente paziente e mail adresse adres electronico id"),
    ),
    "web or network address": (_set("ip url website"), _set("address addr adresse")),
}
#: Words that are a heading of their own, or a noun that needs no company.
_ALONE: dict[str, frozenset[str]] = {
    "name": _set(
        "surname fullname forename nickname maiden alias apellido apellidos lastname firstname"
        " ansprechpartner hausarzt vorname nachname cognome prenom voornaam achternaam inits"
        " initials patientname subjname"
    ),
    "phone or fax": _set("phone telephone mobile handy movil cellulare"),
    "geography": _set("address addr adresse wohnort residence residenza domicilio postcode"),
    "date of birth": _set("dob bdate bday geburtstag dateofbirth fnac ddn birthdate geburtsdatum"),
    "record number": _set("mrn ipp nhc"),
    "national or social security number": _set("ssn nhs dni bsn cpf tessera"),
    "e-mail": _set("emailaddress mailaddress emailadresse"),
    "biometric or photograph": _set("signature unterschrift firma photo"),
}
#: The ends of words written as one: "telefonnr", "nhsno", "deviceid".
_ENDS = re.compile(
    r"(?P<stem>[a-z]{3,})(?P<end>nr|no|num|number|nummer|numero|id|name|date|datum|address|code)"
)
_NOUNS = frozenset().union(*(nouns | company for nouns, company in _MADE_OF.values()))


def identified_by(column: str) -> tuple[str, ...]:
    """The kinds of identifier that a heading names, the plainest first; none for most headings.

    >>> identified_by("Pat_LName"), identified_by("NHSNumber"), identified_by("telefonnr")
    (('name',), ('national or social security number',), ('phone or fax',))
    >>> identified_by("drug_name"), identified_by("mobile_pain"), identified_by("infusion_number")
    ((), (), ())
    """
    words = words_of(column)
    single = frozenset(words.split("_"))
    parts = _parts(words)
    return tuple(
        kind
        for kind in _COMPILED
        if _COMPILED[kind].search(words)
        or (kind != "free text" and any(phrase <= single for phrase in _PHRASES[kind]))
        or _made_of(kind, parts)
    )


def _made_of(kind: str, parts: frozenset[str]) -> bool:
    nouns, company = _MADE_OF.get(kind, (frozenset(), frozenset()))
    alone = _ALONE.get(kind, frozenset())
    who = _MADE_OF["name"][1]
    there = parts & (nouns | alone)
    rest = parts - nouns - alone
    if not there or not rest <= company | who:
        return False
    return bool(rest or len(there) > 1 or there <= alone)


def _parts(words: str) -> frozenset[str]:
    """The words of a heading without numbers, compounds in their parts."""
    found: list[str] = []
    for word in words.split("_"):
        plain = word.strip("0123456789")
        cut = _ENDS.fullmatch(plain)
        if cut and cut["stem"] in _NOUNS and plain not in _NOUNS:
            found += [cut["stem"], cut["end"]]
        else:
            found.append(plain)
    return frozenset(found) - {""}


def words_of(column: str) -> str:
    """A heading as words without accents and capitals, joined by underscores.

    >>> words_of("NHSNumber"), words_of("Geb.-Datum"), words_of("nrsAvg")
    ('nhs_number', 'geb_datum', 'nrs_avg')
    """
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", "_", column)
    text = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^0-9a-z]+", "_", text.casefold()).strip("_")


def _compile(names: str) -> re.Pattern[str]:
    whole = [n[1:] for n in names.split() if n.startswith("=")]
    rest = " ".join(n for n in names.split() if not n.startswith("="))
    inside = [n.strip().replace(" ", "_") for n in rest.split("|")]
    return re.compile(
        rf"^(?:{'|'.join(whole)})$|(?:^|_)(?:{'|'.join(inside)})(?:_|$)"
        if whole
        else "|".join(inside)
    )


def _phrases(names: str) -> tuple[frozenset[str], ...]:
    """The names of several words as sets: "first name" is found in `name_first` too."""
    rest = " ".join(n for n in names.split() if not n.startswith("="))
    return tuple(frozenset(n.split()) for n in rest.split("|") if len(n.split()) == 2)


_COMPILED = {kind: _compile(names) for kind, names in _NAMES.items()}
_PHRASES = {kind: _phrases(names) for kind, names in _NAMES.items()}
