from hypothesis import given
from hypothesis import strategies as st

from mc2sleepnet.report.svg import Markup, element, join, number


def test_text_is_escaped_and_markup_is_not():
    assert element("p", "a < b & c", element("b", "x")) == "<p>a &lt; b &amp; c<b>x</b></p>"
    assert join("<i>", Markup("<i>")) == "&lt;i&gt;<i>"


def test_attributes_are_escaped_and_named_as_in_html():
    assert element("i", class_="a", aria_label='say "hi"', x=1.50, hidden=None) == (
        '<i class="a" aria-label="say &quot;hi&quot;" x="1.5"></i>'
    )


def test_void_elements_are_not_closed():
    assert element("img", alt="") == '<img alt="">'


@given(st.text())
def test_no_text_can_open_an_element_or_leave_an_attribute(text):
    inner = element("p", text, title=text).removeprefix('<p title="').removesuffix("</p>")
    value, _, content = inner.partition('">')
    assert '"' not in value
    assert "<" not in value + content


def test_numbers_are_short():
    assert [number(x) for x in (12, 0.5, 100 / 3, 0, 100)] == ["12", "0.5", "33.33", "0", "100"]
