"""TLS: whom the client trusts, and what the environment may not change."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider_modelarts.exceptions import RequestNotSentError
from airflow_provider_modelarts.transport import Request, Transport

if TYPE_CHECKING:
    from collections.abc import Callable

OK = (200, b"hello")


class Authority(NamedTuple):
    """A certificate authority of ours: its bundle, and a server's context signed by it."""

    bundle: str
    context: ssl.SSLContext


def make_authority(folder: Path, name: str, host: str = "127.0.0.1") -> Authority:
    """Make a CA and a certificate for a server at this address."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ca = _certificate(ca_name, ca_name, ca_key.public_key(), ca_key, ca=True)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
    leaf = _certificate(subject, ca_name, key.public_key(), ca_key, names=names)
    bundle, chain = folder / f"{name}-ca.pem", folder / f"{name}.pem"
    bundle.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    chain.write_bytes(
        leaf.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return Authority(str(bundle), context)


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: Any,
    signer: Any,
    *,
    ca: bool = False,
    names: Any = None,
) -> x509.Certificate:
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        [
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ],
        False,
    )
    usage |= {"key_cert_sign": True} if ca else {"digital_signature": True}
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256())


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Authority]:
    """A good authority, one nobody trusts, and one whose certificate is for another address."""
    folder = tmp_path_factory.mktemp("tls")
    return {
        "good": make_authority(folder, "good"),
        "other": make_authority(folder, "other"),
        "elsewhere": make_authority(folder, "elsewhere", "127.0.0.9"),
    }


@pytest.fixture
def send() -> Callable[..., Any]:
    """Return a function that sends a GET with the given TLS verification."""

    def go(url: str, verify: bool | str) -> Any:
        transport = Transport(timeout=5, verify=verify)
        try:
            return transport.send(Request("GET", url))
        finally:
            transport.close()

    return go


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_verify_path_wins_over_environment(
    serve: Callable[..., Any],
    send: Callable[..., Any],
    authorities: dict[str, Authority],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    """The bundle of the connection is used although the environment names a wrong one."""
    monkeypatch.setenv(variable, authorities["other"].bundle)
    server = serve(OK, tls=authorities["good"].context)

    assert send(server.url, authorities["good"].bundle).body == b"hello"


def test_environment_bundle_is_honoured_with_verify_true(
    serve: Callable[..., Any],
    send: Callable[..., Any],
    authorities: dict[str, Authority],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a path of its own the connection trusts what the machine trusts."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authorities["good"].bundle)
    server = serve(OK, tls=authorities["good"].context)

    assert send(server.url, True).body == b"hello"


def test_right_environment_bundle_does_not_mend_a_wrong_path(
    serve: Callable[..., Any],
    send: Callable[..., Any],
    authorities: dict[str, Authority],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The path is what counts, for worse too."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authorities["good"].bundle)
    server = serve(OK, tls=authorities["good"].context)

    with pytest.raises(RequestNotSentError, match="not trusted"):
        send(server.url, authorities["other"].bundle)


@pytest.mark.parametrize("verify", ["default", "other"])
def test_untrusted_certificate_is_refused_with_the_remedy(
    serve: Callable[..., Any],
    send: Callable[..., Any],
    authorities: dict[str, Authority],
    verify: str,
) -> None:
    """Nothing is sent to a server whose certificate is not trusted, and the error names 'verify'."""
    server = serve(OK, tls=authorities["good"].context)
    setting = True if verify == "default" else authorities["other"].bundle

    with pytest.raises(RequestNotSentError) as caught:
        send(server.url, setting)

    assert f"the TLS certificate of '{server.host}' is not trusted" in str(caught.value)
    assert "Set extra 'verify' of the connection to the path of the CA bundle" in str(caught.value)
    assert server.requests == []


def test_certificate_for_another_address_is_refused(
    serve: Callable[..., Any], send: Callable[..., Any], authorities: dict[str, Authority]
) -> None:
    """A trusted certificate of another host is none."""
    server = serve(OK, tls=authorities["elsewhere"].context)

    with pytest.raises(RequestNotSentError, match="not trusted"):
        send(server.url, authorities["elsewhere"].bundle)

    assert server.requests == []


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verification_can_be_switched_off(
    serve: Callable[..., Any], send: Callable[..., Any], authorities: dict[str, Authority]
) -> None:
    """With verify false any certificate will do."""
    server = serve(OK, tls=authorities["good"].context)

    assert send(server.url, False).body == b"hello"


def test_plain_server_behind_https_is_not_sent(
    serve: Callable[..., Any], send: Callable[..., Any]
) -> None:
    """A TLS handshake that fails is known to have sent nothing of the request."""
    server = serve(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with pytest.raises(RequestNotSentError):
        send(server.url.replace("http://", "https://"), True)


def test_protocol_that_the_client_refuses_is_not_sent(
    serve: Callable[..., Any], send: Callable[..., Any], authorities: dict[str, Authority]
) -> None:
    """Without a common cipher the handshake fails, and nothing of the request was sent."""
    context = authorities["good"].context
    narrow = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    narrow.maximum_version = ssl.TLSVersion.TLSv1_2
    narrow.set_ciphers("PSK")
    server = serve(OK, tls=narrow)

    with pytest.raises(RequestNotSentError):
        send(server.url, authorities["good"].bundle)

    assert context is not narrow


# ---- CA bundles that cannot be used


@pytest.fixture
def bundles(tmp_path: Path) -> dict[str, Path]:
    """Paths that hold no certificates, each in its own way."""
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("not a certificate")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "ca.pem").write_text("named as people name it")
    return {name: tmp_path / name for name in ("missing", "empty", "text", "folder")}


PROBLEMS = {
    "missing": "does not exist",
    "empty": "holds no certificate in PEM form",
    "text": "holds no certificate in PEM form",
    "folder": "is a folder without certificates that 'openssl rehash' has named",
}


@pytest.mark.parametrize("setting", ["verify", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("kind", PROBLEMS)
def test_unusable_bundle_is_named_instead_of_the_host(
    serve: Callable[..., Any],
    send: Callable[..., Any],
    authorities: dict[str, Authority],
    bundles: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    setting: str,
) -> None:
    """The error has its path, where it is set, what is wrong with it, and that nothing was sent."""
    path = str(bundles[kind])
    if setting != "verify":
        monkeypatch.setenv(setting, path)
    server = serve(OK, tls=authorities["good"].context)

    with pytest.raises(RequestNotSentError) as caught:
        send(server.url, path if setting == "verify" else True)

    where = "extra 'verify' of the connection" if setting == "verify" else f"variable {setting}"
    assert f"nothing was sent to '{server.host}': the CA bundle '{path}'" in str(caught.value)
    assert f"{where}) {PROBLEMS[kind]}. Set it to a file of PEM certificates" in str(caught.value)
    assert caught.value.__cause__ is None
    assert server.requests == []


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that nobody can read")
def test_unreadable_bundle_is_named(
    serve: Callable[..., Any], send: Callable[..., Any], authorities: dict[str, Authority]
) -> None:
    """What the machine says of the file is part of the error."""
    server = serve(OK, tls=authorities["good"].context)

    with pytest.raises(
        RequestNotSentError, match="'/proc/self/mem' .* cannot be read: Input/output"
    ):
        send(server.url, "/proc/self/mem")


def test_untrusted_certificate_is_told_with_the_bundle(
    serve: Callable[..., Any], send: Callable[..., Any], authorities: dict[str, Authority]
) -> None:
    """A bundle that is fine, but not the right one, is named beside the host."""
    server = serve(OK, tls=authorities["good"].context)
    path = authorities["other"].bundle

    with pytest.raises(RequestNotSentError) as caught:
        send(server.url, path)

    assert f"certificate of '{server.host}' is not trusted" in str(caught.value)
    assert f"against '{path}' (extra 'verify' of the connection)" in str(caught.value)
