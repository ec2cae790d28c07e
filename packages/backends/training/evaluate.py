"""Measures the exported network against bicubic: `python evaluate.py`.

The rules, the same for both: luma (BT.601) rounded to 8 bits is the truth; low resolution is its 2x2 mean, rounded to
8 bits; what comes out is rounded to 8 bits; a border of 4 pixels does not count. Bicubic is aligned: its output centres
lie at (i + 0.5) / 2 - 0.5 in low resolution, where the 2x2 mean puts the samples. Two kernels are shown, a = -0.5
(Catmull-Rom, as Pillow and `src/bicubic.ts` have it) and a = -0.75 (as OpenCV has it, sharper).
"""

from __future__ import annotations

import numpy as np

import export
import network
from pictures import HELD_OUT, TRAINING, Picture, load_luma

BORDER = 4


def mean_down(high: np.ndarray) -> np.ndarray:
    """2x2 mean of bytes, rounded half up: `meanX2` of `src/bicubic.ts`."""
    height, width = high.shape[0] // 2, high.shape[1] // 2
    sums = high.astype(np.int32).reshape(height, 2, width, 2).sum((1, 3))
    return ((sums + 2) >> 2).astype(np.uint8)


def bicubic(low: np.ndarray, a: float) -> np.ndarray:
    """Aligned bicubic x2, [0, 1] to [0, 1]."""
    height, width = low.shape
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(low, 2, mode="edge"), (5, 5))
    parts = np.einsum("hwij,ocij->ohw", windows, network.bicubic_kernels(a))
    return parts.reshape(2, 2, height, width).transpose(2, 0, 3, 1).reshape(2 * height, 2 * width)


def to_bytes(values: np.ndarray) -> np.ndarray:
    """[0, 1] to 8 bits."""
    return np.clip(np.floor(values * 255 + 0.5), 0, 255).astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two byte pictures inside the border, dB."""
    difference = (a.astype(np.float64) - b)[BORDER:-BORDER, BORDER:-BORDER]
    return float(10 * np.log10(255**2 / np.mean(difference**2)))


def measure(picture: Picture, runner: export.Runner) -> tuple[float, float, float]:
    """PSNR of bicubic with a = -0.5, with a = -0.75, and of the network, dB."""
    truth = to_bytes(load_luma(picture))
    low = mean_down(truth).astype(np.float32) / 255
    answers = (bicubic(low, -0.5), bicubic(low, -0.75), runner.upscale(low))
    return tuple(psnr(to_bytes(answer), truth) for answer in answers)  # type: ignore[return-value]


def show(name: str, kind: str, keys: float, opencv: float, ours: float) -> None:
    """Prints one row."""
    print(f"| {name} | {kind} | {keys:.2f} | {opencv:.2f} | {ours:.2f} | {ours - keys:+.2f} / {ours - opencv:+.2f} |")


def main() -> None:
    """Prints the table of MODEL.md."""
    runner = export.Runner()
    print("| picture | | bicubic a=-0.5 | bicubic a=-0.75 | network | gain over each |\n|---|---|---|---|---|---|")
    for kind, pictures in (("held out", HELD_OUT), ("trained on", TRAINING)):
        rows = []
        for picture in pictures:
            rows.append(measure(picture, runner))
            show(picture.name, kind, *rows[-1])
        show("**mean**", kind, *np.mean(rows, axis=0))
    print(f"\nONNX Runtime and numpy differ by at most {export.largest_difference():.1e}")


if __name__ == "__main__":
    main()
