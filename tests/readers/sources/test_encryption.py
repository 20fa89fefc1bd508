"""A server is asked only over a connection whose certificate is trusted."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outcomes.core.errors import SourceError, StudyError
from outcomes.readers.source import Source
from outcomes.readers.sources.fhir_server import pull_fhir
from outcomes.readers.sources.redcap_api import pull_redcap
from tests.readers.sources.servers import Fhir, Local, Redcap, serving
from tests.readers.sources.test_fhir_server import OBSERVATIONS
from tests.shared import EXPORTS

x509 = pytest.importorskip("cryptography.x509")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this computer that nobody has signed but its owner, with its key."""
    import ipaddress

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "clinic")])
    now = datetime.datetime.now(datetime.UTC)
    mine = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(mine, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "clinic.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


@pytest.fixture
def servers(certificate: Path) -> Iterator[dict[str, Local]]:
    """REDCap and FHIR over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    raw = (EXPORTS / "redcap_raw_long.csv").read_text("utf-8")
    book = (EXPORTS / "redcap_data_dictionary.csv").read_text("utf-8")
    with (
        serving(Redcap(raw, book), context) as redcap,
        serving(Fhir(OBSERVATIONS), context) as fhir,
    ):
        yield {"redcap": redcap, "fhir": fhir}


def live(kind: str, server: Local, folder: Path, **said: Any) -> Any:
    place = {"redcap": "/api/", "fhir": "/fhir"}[kind]
    more = {"resource": "Observation"} if kind == "fhir" else {}
    token = f"env:{kind.upper()}_TOKEN"
    source = Source.of({kind: server.url + place, "token": token, **more, **said}, folder)
    assert source.live is not None
    return source.live


PULLS = {"redcap": pull_redcap, "fhir": pull_fhir}


@pytest.mark.parametrize("kind", PULLS)
def test_a_certificate_that_nobody_vouches_for_is_refused(
    kind: str, servers: dict[str, Local], tmp_path: Path, waits: list[float]
) -> None:
    with pytest.raises(SourceError, match="certificate is not trusted"):
        PULLS[kind](live(kind, servers[kind], tmp_path))
    assert waits == [] and servers[kind].tokens == []  # the token has not left


@pytest.mark.parametrize("kind", PULLS)
def test_a_clinic_can_name_its_own_authority(
    kind: str, servers: dict[str, Local], certificate: Path, tmp_path: Path
) -> None:
    (tmp_path / "clinic-ca.pem").write_bytes(certificate.read_bytes())
    assert PULLS[kind](live(kind, servers[kind], tmp_path, ca="clinic-ca.pem")).rows > 0
    (tmp_path / "none.pem").write_text("no certificate")
    for name in ("none.pem", "absent.pem"):
        with pytest.raises(StudyError, match="holds no certificates"):
            PULLS[kind](live(kind, servers[kind], tmp_path, ca=name))
