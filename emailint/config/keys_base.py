"""What all mappings of keys have in common."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


def key(description: str, *, default: object = None, examples: list[object] | None = None) -> Any:
    """A key that may be left out; `default` is for editors, `resolve.py` has the last word."""
    extra: dict[str, Any] = {} if default is None else {"default": default}
    return Field(None, description=description, examples=examples, json_schema_extra=extra)


class Keys(BaseModel):
    """A mapping of known keys, none of which must be there."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True
    )
