"""Photos from phones: judged by what is in them, and drawn anew before they are kept.

What a browser says of a file (its name, its type) counts for nothing; how many bytes it may have is
said by `console.photo_mib` and counted on the way in (`bodies.py`). The picture is decoded within
bounds and written as a JPEG of our own, so nothing that hid in the file, a script, a second
format, the place where it was taken, is ever stored or served.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

SIDE_MAX_PX = 6000
"""The page sends 1600 px; a phone's own picture has 4000 to 6000. A few bytes of PNG can claim
more pixels than a machine has memory."""
KEPT_SIDE_PX = 1600
QUALITY = 82
FORMATS = ("JPEG", "PNG", "WEBP")


class BadPhoto(ValueError):
    """No picture that is taken; the message says why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG of our own."""

    jpeg: bytes
    width_px: int
    height_px: int


def drawn_anew(body: bytes) -> Picture:
    """The picture in a file, upright, at most 1600 px a side. Raises BadPhoto."""
    if not body:
        raise BadPhoto("The photo is empty.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(body), formats=FORMATS) as opened:
                width, height = opened.size
                if not (0 < width <= SIDE_MAX_PX and 0 < height <= SIDE_MAX_PX):
                    raise BadPhoto(
                        f"The photo has {width} × {height} pixels; at most {SIDE_MAX_PX} a side."
                    )
                if getattr(opened, "n_frames", 1) > 1:
                    raise BadPhoto("The photo moves: send a still picture.")
                # A JPEG is decoded at a fraction of its size where that will do.
                opened.draft("RGB", (KEPT_SIDE_PX, KEPT_SIDE_PX))
                picture = ImageOps.exif_transpose(opened).convert("RGB")
    except BadPhoto:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadPhoto("The photo claims more pixels than are taken.") from None
    except UnidentifiedImageError:
        raise BadPhoto("This is no JPEG, PNG or WebP picture, whatever it is called.") from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise BadPhoto(f"The picture is damaged: {error}.") from None
    picture.thumbnail((KEPT_SIDE_PX, KEPT_SIDE_PX))
    kept = io.BytesIO()
    picture.save(kept, "JPEG", quality=QUALITY, optimize=True)
    return Picture(kept.getvalue(), picture.width, picture.height)
