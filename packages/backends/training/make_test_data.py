"""Writes what the tests and the demo need of the held-out pictures: `python make_test_data.py`.

Middle pieces of coffee and gravel, 256x256, as luma (PGM) for the tests of this package, and the whole photograph
coffee for the command line demo.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from evaluate import to_bytes
from pictures import HELD_OUT, load_luma, path_of

SIDE = 256
PIECES = ("coffee", "gravel")
TESTS = Path(__file__).parent.parent / "tests" / "data"
ASSETS = Path(__file__).parents[2] / "tools" / "assets"


def main() -> None:
    """Writes the files."""
    TESTS.mkdir(parents=True, exist_ok=True)
    ASSETS.mkdir(parents=True, exist_ok=True)
    for picture in (p for p in HELD_OUT if p.name in PIECES):
        luma = to_bytes(load_luma(picture))
        top, left = (luma.shape[0] - SIDE) // 2, (luma.shape[1] - SIDE) // 2
        piece = luma[top : top + SIDE, left : left + SIDE]
        (TESTS / f"{picture.name}.pgm").write_bytes(f"P5 {SIDE} {SIDE} 255\n".encode() + piece.tobytes())
    shutil.copyfile(path_of(HELD_OUT[0]), ASSETS / HELD_OUT[0].file)


if __name__ == "__main__":
    main()
