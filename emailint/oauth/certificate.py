"""The certificate with which an application signs in: what msal wants of it, and how long it is good."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from emailint.errors import SecretUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

_KEY: Final = re.compile(
    rb"-----BEGIN (?P<kind>(?:[A-Z]+ )*PRIVATE KEY)-----.*?-----END (?P=kind)-----", re.DOTALL
)
_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_CURE: Final = (
    "one PEM file with the private key and the certificate, or a PFX file, readable by its owner alone"
)


class _Unfit(Exception):
    """What is in the file cannot serve: why, and the cure. It stays here."""

    def __init__(self, why: str, cure: str = "") -> None:
        super().__init__(why)
        self.cure = cure


@dataclass(frozen=True, slots=True)
class KeyPair:
    """`credential` is msal's `client_credential`; `until` is when the certificate ends to be valid."""

    credential: dict[str, Any] = field(repr=False)
    until: datetime

    def days_left(self, now: datetime | None = None) -> int:
        """Whole days, negative once it has expired."""
        return (self.until - (now or datetime.now(UTC))).days


def key_pair(path: Path, passphrase: str | None = None, *, readable: bool = False) -> KeyPair:
    """Read a PEM or PFX file; the certificate is the one of its key, whatever chain comes along.

    `readable`: others may read it too.
    Raises SecretUnavailable, which never repeats what stands in it.
    """
    raw = _read(path, readable=readable)
    try:
        if b"-----BEGIN" in raw:
            return _from_pem(raw, passphrase)
        return _from_pfx(path, raw, passphrase)
    except _Unfit as error:
        why, cure = str(error), error.cure
    except (ValueError, TypeError):  # cryptography's: wrong passphrase, no such format
        why, cure = "its format or its password is wrong", ""
    raise SecretUnavailable(
        f"the certificate file {path} cannot be used: {why}; nobody was asked to sign in",
        hint=cure or f"it must be {_CURE}; check oauth.certificate_password",
    )


def _from_pem(raw: bytes, passphrase: str | None) -> KeyPair:
    from cryptography import x509  # noqa: PLC0415 - costs 30 ms

    found = _KEY.search(raw)
    if found is None:
        raise _Unfit("there is no private key in it")
    key = _key_in(found[0], passphrase)
    certificate = _that_of(key, [x509.load_pem_x509_certificate(each) for each in _CERTIFICATE.findall(raw)])
    # No thumbprint: with one, msal would sign by SHA-1 (x5t) in place of PS256 with x5t#S256.
    credential = {"private_key": found[0].decode("ascii"), "public_certificate": _pem(certificate)}
    if passphrase:
        credential["passphrase"] = passphrase
    return KeyPair(credential, _until(certificate))


def _key_in(pem: bytes, passphrase: str | None) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - as above

    encrypted = b"ENCRYPTED" in pem
    if encrypted and not passphrase:
        raise _Unfit("its key has a password", "give it as oauth.certificate_password")
    if passphrase and not encrypted:
        raise _Unfit("its key has no password", "take oauth.certificate_password out")
    return serialization.load_pem_private_key(pem, passphrase.encode() if passphrase else None)


def _from_pfx(path: Path, raw: bytes, passphrase: str | None) -> KeyPair:
    from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: PLC0415 - as above

    key, certificate, _ = pkcs12.load_key_and_certificates(raw, passphrase.encode() if passphrase else None)
    if key is None:
        raise _Unfit("there is no private key in it")
    certificate = _that_of(key, [certificate] if certificate else [])
    credential = {"private_key_pfx_path": str(path)}
    if passphrase:
        credential["passphrase"] = passphrase
    return KeyPair(credential, _until(certificate))


def _that_of(key: PrivateKeyTypes, certificates: Sequence[Certificate]) -> Certificate:
    """The certificate of a key, among those of its authorities; raises _Unfit without one."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - as above

    if not isinstance(key, RSAPrivateKey):
        raise _Unfit(
            "its key is no RSA key", "Entra takes certificates with an RSA key: make one of 2048 bits"
        )
    found = [each for each in certificates if each.public_key() == key.public_key()]
    if not found:
        raise _Unfit("there is no certificate of its key in it")
    return found[0]


def _pem(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - as above

    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def _until(certificate: Certificate) -> datetime:
    return certificate.not_valid_after_utc


def _read(path: Path, *, readable: bool) -> bytes:
    what = f"the certificate file {path}"
    try:
        with path.open("rb") as file:
            if not readable and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise SecretUnavailable(
                    f"{what} can be read by others, so it was not used; nobody was asked to sign in",
                    hint=f"run: chmod 600 {path}",
                )
            return file.read(1_000_000)
    except OSError as error:
        raise SecretUnavailable(
            f"{what} cannot be read: {error.strerror}; nobody was asked to sign in",
            hint=f"it must be {_CURE}",
        ) from None
