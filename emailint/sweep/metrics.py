"""What one sweep did and left, as text for node_exporter's textfile collector (Prometheus, version 0.0.4).

The file is its own memory: counters go on from what it holds, and begin at nothing where it is gone, which
Prometheus knows as a reset. No label holds anything out of a mail.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from emailint.store.records import Backlog, Calls, Hook, OpenError
    from emailint.sweep.result import SweepResult

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels]

COUNTED: Final = {
    "emailint_cases_total": ("cases", "Cases that were made."),
    "emailint_follow_ups_total": ("follow_ups", "Mails that were added to a case."),
    "emailint_held_total": ("held", "Mails that were held for a person."),
    "emailint_ignored_total": ("ignored", "Mails that a rule of the configuration ignored."),
    "emailint_quarantined_total": ("quarantined", "Mails that could not be read too often."),
    "emailint_already_known_total": ("already_known", "Mails that came again and made nothing."),
    "emailint_failed_total": ("failed", "Times that a mail could not be taken; it stays unread."),
    "emailint_replies_sent_total": ("replies_sent", "Replies that were sent."),
    "emailint_replies_withheld_total": ("replies_withheld", "Replies that were withheld."),
    "emailint_replies_failed_total": ("replies_failed", "Replies that failed for good."),
}
"""Counters by integration, and the field of `Counts` that each one adds up."""

WAITING: Final = {
    "emailint_waiting_marks": ("to_mark", "Mails that are still to be marked read."),
    "emailint_waiting_moves": ("to_move", "Mails that are still to be moved."),
    "emailint_waiting_replies": ("replies", "Replies that are still to be sent."),
    "emailint_waiting_held": ("held", "Held mails that wait for a person."),
    "emailint_waiting_quarantined": ("quarantined", "Quarantined mails that wait for a person."),
}
"""Gauges by integration, and the field of `Backlog` that each one shows."""

_SWEEPS: Final = "emailint_sweeps_total"
_FAILED_SWEEPS: Final = "emailint_sweeps_failed_total"
_COUNTERS: Final = (*COUNTED, _SWEEPS, _FAILED_SWEEPS)
DESCRIBED: Final = {
    **{name: text for name, (_, text) in (COUNTED | WAITING).items()},
    _SWEEPS: "Sweeps that had the store.",
    _FAILED_SWEEPS: "Those of them that did not end with exit status 0.",
    "emailint_last_sweep_timestamp_seconds": "When the last sweep ended.",
    "emailint_last_sweep_duration_seconds": "How long the last sweep took.",
    "emailint_last_sweep_success": "1 if the last sweep ended with exit status 0, else 0.",
    "emailint_last_success_timestamp_seconds": "When this integration was swept well for the last time.",
    "emailint_left": "Unread mails that the last sweep saw and did not come to.",
    "emailint_open_errors": "Errors that are open, by kind; integration is empty for those of the whole run.",
    "emailint_hook_waiting": "Lines that are still to be given to a command.",
    "emailint_hook_failed": "Lines on which a command failed too often.",
    "emailint_secret_expiry_timestamp_seconds": "When the last day of a secret or certificate begins (UTC).",
}
_SAMPLE: Final = re.compile(r"(?P<name>[a-z_]+)(?:\{(?P<labels>[^{}]*)\})? (?P<value>[0-9.e+]+)")
_LABEL: Final = re.compile(r'([a-z]+)="([A-Za-z0-9._-]*)"')


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at the end of a sweep, as `status` knows it."""

    last_good: Mapping[str, datetime] = field(default_factory=dict)
    backlog: Mapping[str, Backlog] = field(default_factory=dict)
    errors: tuple[OpenError, ...] = ()
    calls: Mapping[Hook, Calls] = field(default_factory=dict)
    expires: Mapping[str, date] = field(default_factory=dict)


def of_sweep(before: str, result: SweepResult, facts: Facts, now: datetime) -> str:
    """The file after a sweep; `before` is what it held, in whatever state."""
    counters = _counted(before)
    for integration in result.integrations:
        for name, (counted, _) in COUNTED.items():
            counters[name, _of(integration.name)] += getattr(integration.counts, counted)
    counters[_SWEEPS, ()] += 1
    counters[_FAILED_SWEEPS, ()] += result.trouble
    gauges = dict(_gauges(result, facts))
    return _text({**counters, **gauges, **_last(now, result.seconds, well=not result.trouble)})


def of_failure(before: str, now: datetime) -> str:
    """The file after a sweep that could not use the store: what else it held is as true as it was."""
    samples = _read(before)
    for name in (_SWEEPS, _FAILED_SWEEPS):
        samples[name, ()] = samples.get((name, ()), 0.0) + 1
    return _text({**samples, **_last(now, 0.0, well=False)})


def _last(now: datetime, seconds: float, *, well: bool) -> dict[Sample, float]:
    return {
        ("emailint_last_sweep_timestamp_seconds", ()): now.timestamp(),
        ("emailint_last_sweep_duration_seconds", ()): seconds,
        ("emailint_last_sweep_success", ()): float(well),
    }


def _gauges(result: SweepResult, facts: Facts) -> Iterator[tuple[Sample, float]]:
    for name, at in facts.last_good.items():
        yield ("emailint_last_success_timestamp_seconds", _of(name)), at.timestamp()
    for integration in result.integrations:
        yield ("emailint_left", _of(integration.name)), integration.counts.left
        for metric in WAITING:
            yield (metric, _of(integration.name)), 0.0
    for name, backlog in facts.backlog.items():
        for metric, (waiting, _) in WAITING.items():
            yield (metric, _of(name)), getattr(backlog, waiting)
    kinds = Counter((error.trouble.integration or "", error.trouble.kind) for error in facts.errors)
    for (name, kind), count in kinds.items():
        yield ("emailint_open_errors", (*_of(name), ("kind", kind))), count
    for hook, calls in facts.calls.items():
        yield ("emailint_hook_waiting", (("hook", hook),)), calls.waiting
        yield ("emailint_hook_failed", (("hook", hook),)), calls.failed
    for name, day in facts.expires.items():
        moment = datetime.combine(day, time(), UTC)
        yield ("emailint_secret_expiry_timestamp_seconds", _of(name)), moment.timestamp()


def _of(integration: str) -> Labels:
    return (("integration", integration),)


def _counted(text: str) -> Counter[Sample]:
    """The counters of a file."""
    return Counter({each: int(value) for each, value in _read(text).items() if each[0] in _COUNTERS})


def _read(text: str) -> dict[Sample, float]:
    """The samples of a file that we wrote; whatever else stands there is passed over."""
    found = (_SAMPLE.fullmatch(line) for line in text.splitlines())
    return {
        (each["name"], tuple(_LABEL.findall(each["labels"] or ""))): float(each["value"])
        for each in found
        if each is not None and each["name"] in DESCRIBED
    }


def _text(samples: Mapping[Sample, float]) -> str:
    """Families in the order of `DESCRIBED`, each with its samples together, as the format asks for."""
    return "".join(
        _family(name, sorted(each for each in samples.items() if each[0][0] == name)) for name in DESCRIBED
    )


def _family(name: str, samples: Iterable[tuple[Sample, float]]) -> str:
    kind = "counter" if name in _COUNTERS else "gauge"
    lines = [f"{name}{_labels(labels)} {_number(value)}\n" for (_, labels), value in samples]
    return f"# HELP {name} {DESCRIBED[name]}\n# TYPE {name} {kind}\n{''.join(lines)}" if lines else ""


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}"
