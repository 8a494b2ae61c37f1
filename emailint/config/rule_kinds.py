"""The kinds of values that field rules, lists of senders and calendars take; as in `kinds.py`."""

from collections.abc import Callable
from datetime import date, timedelta, tzinfo
from typing import Annotated, Any, Final

from emailint.config import grammar, rule_grammar
from emailint.config.keys_base import Grammar
from emailint.config.patterns import SenderPattern, TextPattern
from emailint.config.rules import DAYS, WORKSPACE_RULES, BusinessDays, Hours

_SCALAR: Final = {"type": ["string", "number", "boolean"]}
_DAY: Final = f"({'|'.join(DAYS)})"


def _several(parse: Callable[[object], object], item: dict[str, Any]) -> Grammar:
    many = {"type": "array", "minItems": 1, "items": item}
    return Grammar(rule_grammar.several(parse), {"anyOf": [item, many]})


_CLOCK: Final = "([01]?[0-9]|2[0-4])(:[0-5][0-9])?"
_WORKSPACES: Final = {"type": ["integer", "string"]}

TextPatterns = Annotated[tuple[TextPattern, ...], _several(rule_grammar.subject_pattern, _SCALAR)]
SenderPatterns = Annotated[tuple[SenderPattern, ...], _several(rule_grammar.sender, {"type": "string"})]
Workspaces = Annotated[tuple[int | str, ...], _several(grammar.workspace, _WORKSPACES)]
KindNames = Annotated[tuple[str, ...], _several(rule_grammar.kind, {"enum": list(rule_grammar.KINDS)})]
HourSpans = Annotated[
    tuple[Hours, ...],
    _several(rule_grammar.hours, {"type": "string", "pattern": f"^{_CLOCK} ?- ?{_CLOCK}$"}),
]
DaySpans = Annotated[
    tuple[frozenset[int], ...],
    _several(rule_grammar.days, {"type": "string", "pattern": f"^{_DAY}(-{_DAY})?$"}),
]
Due = Annotated[
    timedelta | BusinessDays,
    Grammar(rule_grammar.due, {"type": "string", "pattern": "^[0-9]{1,8} ?([smhd]|bd)$"}),
]
Zone = Annotated[tzinfo, Grammar(rule_grammar.zone, {"type": "string"})]
Holidays = Annotated[tuple[date, ...], _several(rule_grammar.holiday, {"type": "string", "format": "date"})]
Domains = Annotated[tuple[str, ...], _several(rule_grammar.domain, {"type": "string"})]
WorkspaceRules = Annotated[
    tuple[str, ...],
    Grammar(
        rule_grammar.workspace_rules,
        {"type": "array", "minItems": 1, "items": {"enum": list(WORKSPACE_RULES)}},
    ),
]
RulesMatch = Annotated[str, Grammar(grammar.choice("first", "all"), {"enum": ["first", "all"]})]
