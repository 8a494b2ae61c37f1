"""What all mappings of keys have in common."""

import os
from typing import Any, ClassVar

# No plugin that happens to be installed gets to see a configuration with its passwords, and none is looked
# for: that alone would read the metadata of all packages, every minute.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

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
