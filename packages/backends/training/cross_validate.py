"""What the network gains on pictures it never saw, for every picture: `python cross_validate.py`.

The pictures are dealt into three groups; for each group a network of the published shape is trained, shorter than the
published one, on the other two. Takes as long as `train.py`. Nothing is written.
"""

from __future__ import annotations

import numpy as np

import evaluate
import network
import train
from pictures import HELD_OUT, TRAINING

#: Kinds of pictures are spread over the groups.
GROUPS = (
    ("coffee", "rocket", "brick", "horse"),
    ("camera", "chelsea", "gravel", "hubble_deep_field"),
    ("astronaut", "grass", "text", "retina"),
)


class Trained:
    """A network that was just trained, in the place of the exported file."""

    def __init__(self, params: network.Params) -> None:
        self.params = params

    def upscale(self, low: np.ndarray) -> np.ndarray:
        """As `export.Runner` does."""
        return network.upscale(self.params, low)


def main() -> None:
    """Prints a table."""
    pictures = TRAINING + HELD_OUT
    assert sorted(name for group in GROUPS for name in group) == sorted(picture.name for picture in pictures)
    rows = []
    for group in GROUPS:
        params = train.train([p for p in pictures if p.name not in group], 8000, 1e-2, 12_000, 0)
        for picture in (p for p in pictures if p.name in group):
            rows.append((picture.name, *evaluate.measure(picture, Trained(params))))
    print("| picture | bicubic a=-0.5 | bicubic a=-0.75 | network that never saw it | gain over each |")
    print("|---|---|---|---|---|")
    for name, keys, opencv, ours in rows:
        print(f"| {name} | {keys:.2f} | {opencv:.2f} | {ours:.2f} | {ours - keys:+.2f} / {ours - opencv:+.2f} |")
    gains = np.array([(ours - keys, ours - opencv) for name, keys, opencv, ours in rows])
    print(f"mean {gains.mean(0).round(2)}, median {np.median(gains, 0).round(2)}")


if __name__ == "__main__":
    main()
