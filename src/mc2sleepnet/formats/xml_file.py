"""XML as vendors write it, read safely: no entity is ever defined or fetched."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.parsers import expat

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.formats.decoding import read_text

_DEEPEST: Final = 60
# A night's scoring has some ten thousand.
_MOST_ELEMENTS: Final = 300_000


@dataclass(kw_only=True, slots=True)
class Element:
    """One element; names are without namespace, in lower case."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def walk(self) -> Iterator["Element"]:
        """Yield this element and all below, in the order of the file."""
        pending = [self]
        while pending:
            element = pending.pop()
            yield element
            pending.extend(reversed(element.children))

    def all_named(self, name: str) -> list["Element"]:
        """Elements of that name at any depth, in the order of the file."""
        return [element for element in self.walk() if element.name == name]

    def value(self, *names: str) -> str | None:
        """Text of the first child of one of these names, or the attribute; None where there is neither."""
        for name in names:
            for child in self.children:
                if child.name == name:
                    return child.text.strip()
            if name in self.attributes:
                return self.attributes[name].strip()
        return None


@dataclass(frozen=True, kw_only=True)
class XmlFile:
    """The root of a file, and its comments."""

    root: Element
    comments: tuple[str, ...]


def parse_xml(path: Path, text: str) -> XmlFile:
    """Parse XML.

    The declared encoding no longer matters: `text` is decoded. A document type may stand there, but one that
    declares an entity is refused, and no other file is ever opened.

    Raises
    ------
    InputError
        If it is no well-formed XML, too deep, or declares entities; the line is named.
    """
    builder = _Builder(path)
    parser = expat.ParserCreate(encoding="utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    parser.CommentHandler = builder.comments.append
    parser.EntityDeclHandler = builder.entity
    try:
        # Vendors' exports end in zero bytes or blank lines, and begin with some.
        parser.Parse(text.strip().encode("utf-8", errors="replace"), True)
    except expat.ExpatError as error:
        fault = f"is no well-formed XML ({expat.ErrorString(error.code)}, line {error.lineno})"
        raise InputError(path, fault, "Export the file again") from error
    assert builder.root is not None
    return XmlFile(root=builder.root, comments=tuple(builder.comments))


def read_xml(path: Path) -> XmlFile:
    """Read and parse a file; see `parse_xml`."""
    return parse_xml(path, read_text(path))


class _Builder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.root: Element | None = None
        self.open: list[Element] = []
        self.comments: list[str] = []
        self.n_elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.open) >= _DEEPEST:
            raise InputError(self.path, f"its XML is nested deeper than {_DEEPEST} levels", "Export the file again")
        self.n_elements += 1
        if self.n_elements > _MOST_ELEMENTS:
            fault = f"its XML has more than {_MOST_ELEMENTS} elements, which no scoring has"
            raise InputError(self.path, fault, "Export the file again")
        element = Element(name=_local(name), attributes={_local(key): value for key, value in attributes.items()})
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def end(self, _name: str) -> None:
        self.open.pop()

    def characters(self, data: str) -> None:
        self.open[-1].text += data

    def entity(self, name: str, *_rest: object) -> None:
        fault = f"its XML declares the entity {name[:40]!r}, which no scoring needs"
        raise InputError(self.path, fault, "Remove the <!DOCTYPE> part, or export the file again")


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()
