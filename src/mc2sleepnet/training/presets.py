"""The two presets, and `--set key=value`: named options over one flat list of names."""

import math
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, TypeVar

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.model.config import NetworkConfig

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "paper": {},
        "author_code": {
            "mask_ratio": 0.25,
            "recon_reduction": "sum",
            "detach_targets": False,
            "token_norm": "none",
            "restoration_layer": False,
            "single_view_restarts": True,
        },
    }
)

Options = TypeVar("Options")


def chosen_options(preset: str, assignments: Iterable[str], known: Iterable[type[Any]]) -> dict[str, Any]:
    """Values of a preset, overridden by ``key=value`` texts; typed as the options that bear the keys.

    Raises
    ------
    InputError
        For an unknown preset or key, or a value of the wrong type.
    """
    if preset not in PRESETS:
        raise InputError("--preset", f"no preset '{preset}'", f"Choose from {', '.join(PRESETS)}")
    kinds = {name: kind for options in known for name, kind in typing.get_type_hints(options).items()}
    values = {name: value for name, value in PRESETS[preset].items() if name in kinds}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or name not in kinds:
            raise InputError("--set", f"no option in '{assignment}'", f"Write key=value with one of {', '.join(kinds)}")
        values[name] = _parsed(name, text, kinds[name])
    return values


def build(options: type[Options], values: Mapping[str, Any]) -> Options:
    """One dataclass of options from those of the values that are its own; a bad value is an InputError."""
    own = {field.name for field in fields(options)}  # type: ignore[arg-type]
    try:
        return options(**{name: value for name, value in values.items() if name in own})
    except ValueError as error:
        raise InputError("--set", str(error), "Correct the value") from None


def refuse_ensemble(network: NetworkConfig) -> None:
    """Refuse to train several networks as one: an ensemble is joined of networks that were trained apart.

    Raises
    ------
    InputError
        If `network` has members.
    """
    if network.members > 1:
        raise InputError("--set", f"members={network.members}: several networks are not trained as one", "Leave it out")


def _parsed(name: str, text: str, kind: Any) -> Any:
    choices = typing.get_args(kind)
    if choices:
        if text in choices:
            return text
        raise InputError("--set", f"'{text}' is no {name}", f"Choose from {', '.join(choices)}")
    if kind is bool:
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise InputError("--set", f"'{text}' is no {name}", "Choose from true, false")
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        wanted = "a whole number" if kind is int else "a number"
        raise InputError("--set", f"{name}={text} is not {wanted}", f"Give {wanted}")
    return value
