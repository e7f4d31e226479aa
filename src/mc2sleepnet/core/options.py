"""Options are frozen dataclasses; what every one of them checks about itself."""

import typing
from typing import Any


def check_choices(options: Any) -> None:
    """Refuse a value that is none of those its ``Literal`` type names.

    Raises
    ------
    ValueError
        Which option, its value, and what there is to choose from.
    """
    for name, kind in typing.get_type_hints(type(options)).items():
        choices = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()
        value = getattr(options, name)
        if choices and value not in choices:
            raise ValueError(f"{name} must be {' or '.join(map(repr, choices))}, not {value!r}")
