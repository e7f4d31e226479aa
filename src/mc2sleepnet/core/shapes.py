"""Shapes in signatures, ``Float[Tensor, "B L D"]``, checked by jaxtyping and beartype in the tests only.

Legend: B batch, L epochs per sequence, N epochs per recording, T samples per epoch, F frames, K bins, D width.
A machine that trains needs no jaxtyping: there the shapes are notes that nobody reads.
"""

from typing import TYPE_CHECKING, Annotated

__all__ = ["Bool", "Float", "Int"]

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
else:
    try:
        from jaxtyping import Bool, Float, Int
    except ImportError:
        Bool = Float = Int = Annotated
