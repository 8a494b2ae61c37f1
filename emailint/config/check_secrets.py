"""Secrets must stand where no one else can read them. Modes are looked at, since root can read everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emailint.config.problems import Complaint
from emailint.config.secrets import GivenSecret, SecretFile, is_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emailint.config.keys import IntegrationKeys
    from emailint.config.problems import Location
    from emailint.config.secrets import SecretSource


@dataclass(frozen=True, slots=True)
class Reading:
    """The configuration file: name as given, folder, `st_mode`; `readable`: others may read secrets."""

    file: str
    folder: Path
    mode: int
    readable: bool


def secret_complaints(written: IntegrationKeys, place: Location, reading: Reading) -> Iterator[Complaint]:
    """Secrets of one integration that others can read, or that are not there."""
    yield from _secret(written.password, (*place, "password"), written, reading)
    if written.outbound is not None:
        yield from _secret(written.outbound.password, (*place, "outbound", "password"), written, reading)
    if written.oauth is not None:
        for name in ("client_secret", "certificate_password", "refresh_token"):
            yield from _secret(getattr(written.oauth, name), (*place, "oauth", name), written, reading)
        for name in ("certificate", "service_account"):
            path = getattr(written.oauth, name)
            if path is not None and written.enabled is not False:
                yield from _file(reading.folder / path.expanduser(), (*place, "oauth", name), reading)


def heartbeat_complaints(source: SecretSource | None, reading: Reading) -> Iterator[Complaint]:
    """A heartbeat whose URL others can read, or that is none; what was written is never told."""
    place: Location = ("heartbeat",)
    yield from _secret(source, place, None, reading)
    if isinstance(source, GivenSecret) and not source.text.disclose().startswith("https://"):
        yield Complaint(place, "is no https URL", "write https://… as the service shows it, best as ${NAME}")


def _secret(
    source: SecretSource | None, place: Location, written: IntegrationKeys | None, reading: Reading
) -> Iterator[Complaint]:
    match source:
        case GivenSecret(literal=True) if not reading.readable and not is_private(reading.mode):
            what = f"a password stands in a file that others can read (mode {reading.mode & 0o7777:04o})"
            cure = f"run: chmod 600 {reading.file}; or write ${{NAME}}, or {{file: …}}, in its place"
            yield Complaint(place, what, cure)
        case SecretFile() if written is None or written.enabled is not False:
            yield from _file(reading.folder / source.path.expanduser(), place, reading)
        case _:
            pass


def _file(path: Path, place: Location, reading: Reading) -> Iterator[Complaint]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        what = f"the secret file {path} cannot be used: {error.strerror}"
        yield Complaint(place, what, "create it, readable by its owner alone (mode 0600)")
        return
    if not reading.readable and not is_private(mode):
        what = f"the secret file {path} can be read by others (mode {mode & 0o7777:04o})"
        yield Complaint(place, what, f"run: chmod 600 {path}")
