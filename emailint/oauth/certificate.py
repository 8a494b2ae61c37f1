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
    from pathlib import Path

    from cryptography.x509 import Certificate

_KEY: Final = re.compile(
    rb"-----BEGIN (?P<kind>(?:[A-Z]+ )*PRIVATE KEY)-----.*?-----END (?P=kind)-----", re.DOTALL
)
_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_CURE: Final = (
    "one PEM file with the private key and the certificate, or a PFX file, readable by its owner alone"
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """`credential` is msal's `client_credential`; `until` is when the certificate ends to be valid."""

    credential: dict[str, Any] = field(repr=False)
    until: datetime

    def days_left(self, now: datetime | None = None) -> int:
        """Whole days, negative once it has expired."""
        return (self.until - (now or datetime.now(UTC))).days


def key_pair(path: Path, passphrase: str | None = None) -> KeyPair:
    """Read a PEM or PFX file. Raises SecretUnavailable, which never repeats what stands in it."""
    raw = _read(path)
    try:
        if b"-----BEGIN" in raw:
            return _from_pem(raw, passphrase)
        return _from_pfx(path, raw, passphrase)
    except (ValueError, TypeError):  # cryptography's: wrong passphrase, no such format
        pass
    raise SecretUnavailable(
        f"the certificate file {path} cannot be used; nobody was asked to sign in",
        hint=f"it must be {_CURE}; check oauth.certificate_password",
    )


def _from_pem(raw: bytes, passphrase: str | None) -> KeyPair:
    from cryptography import x509  # noqa: PLC0415 - costs 30 ms
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - as above

    key, certificate = _KEY.search(raw), _CERTIFICATE.search(raw)
    if key is None or certificate is None:
        raise ValueError
    serialization.load_pem_private_key(key[0], passphrase.encode() if passphrase else None)
    # No thumbprint: with one, msal would sign by SHA-1 (x5t) in place of PS256 with x5t#S256.
    credential = {"private_key": key[0].decode("ascii"), "public_certificate": certificate[0].decode("ascii")}
    if passphrase:
        credential["passphrase"] = passphrase
    return KeyPair(credential, _until(x509.load_pem_x509_certificate(certificate[0])))


def _from_pfx(path: Path, raw: bytes, passphrase: str | None) -> KeyPair:
    from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: PLC0415 - as above

    key, certificate, _ = pkcs12.load_key_and_certificates(raw, passphrase.encode() if passphrase else None)
    if key is None or certificate is None:
        raise ValueError
    credential = {"private_key_pfx_path": str(path)}
    if passphrase:
        credential["passphrase"] = passphrase
    return KeyPair(credential, _until(certificate))


def _until(certificate: Certificate) -> datetime:
    return certificate.not_valid_after_utc


def _read(path: Path) -> bytes:
    what = f"the certificate file {path}"
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
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
