"""SVG and HTML elements as escaped text: what is not `Markup` is text, and text is always escaped."""

from html import escape


class Markup(str):
    """A piece of finished SVG or HTML, to be put into a page as it is."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """One element with its children.

    Parameters
    ----------
    name
        Tag name, such as ``"path"``.
    children
        `Markup` goes in as it is; any other string is text and is escaped.
    attributes
        Values are escaped, numbers written short; None leaves the attribute out. In names a trailing
        underscore is dropped and others become hyphens: ``class_="key"``, ``aria_label="Night"``.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value if isinstance(value, str) else number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if not children:
        return Markup(f"<{name}{written}>" if name in VOID_ELEMENTS else f"<{name}{written}></{name}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: str) -> Markup:
    """Siblings without an element around them; text is escaped."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children))


def number(value: float) -> str:
    """Two digits after the point at most, without trailing zeros: ``12``, ``0.5``, ``33.33``."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


VOID_ELEMENTS = frozenset({"br", "hr", "img", "meta", "wbr"})
