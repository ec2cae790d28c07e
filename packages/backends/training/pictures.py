"""The pictures: which ones, what their licence is, and which are never shown to the network in training.

All of them are files inside the scikit-image wheel, so nothing is downloaded. Each entry's licence is the one that the
docstring of the function in `skimage.data` gives; pictures whose docstring names neither CC0 nor the public domain are
not used. The SHA-256 says that the file is the one the published numbers were made with.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import skimage

#: Weights of R, G and B in luma (BT.601, full range): the same as in `src/ycbcr.ts`.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Picture:
    """One picture of the wheel: file, where it comes from, its licence, its share of the training patches."""

    file: str
    source: str
    licence: str
    sha256: str
    share: float = 1.0

    @property
    def name(self) -> str:
        """The name it has in `skimage.data`."""
        return self.file.split(".")[0]


TRAINING = (
    Picture("astronaut.png", "NASA Great Images, portrait of Eileen Collins", "public domain",
            "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5", 3),
    Picture("rocket.jpg", "SpaceX, launch of DSCOVR", "public domain",
            "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c", 2),
    Picture("chelsea.png", "Stefan van der Walt, Chelsea the cat", "CC0",
            "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb", 2),
    Picture("hubble_deep_field.jpg", "NASA, Hubble eXtreme Deep Field", "public domain",
            "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4"),
    Picture("retina.jpg", "Mikael Häggström, fundus photograph", "CC0",
            "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6", 0.5),
    Picture("brick.png", "CC0Textures, Bricks25", "CC0",
            "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf"),
    Picture("grass.png", "linolafett on DeviantArt, Grass 01", "CC0",
            "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89"),
    Picture("horse.png", "Andreas Preuss (marauder) on openclipart", "CC0",
            "c7fb60789fe394c485f842291ea3b21e50d140f39d6dcb5fb9917cc178225455", 0.5),
)

#: One of each kind that is never shown to the published network: a colour photograph, a grainy grey one, a texture and
#: a print. Only `evaluate.py` and the tests read them.
HELD_OUT = (
    Picture("coffee.png", "Rachel Michetti, Pikolo Espresso Bar", "CC0",
            "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"),
    Picture("camera.png", "Lav Varshney", "CC0",
            "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a"),
    Picture("gravel.png", "CC0Textures, Gravel04", "CC0",
            "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12"),
    Picture("text.png", "Wikipedia, Corner.png", "public domain",
            "bd84aa3a6e3c9887850d45d606c96b2e59433fbef50338570b63c319e668e6d1"),
)


def path_of(picture: Picture) -> Path:
    """Where the wheel put the file; fails if it is not the file the numbers were made with."""
    path = Path(skimage.__file__).parent / "data" / picture.file
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != picture.sha256:
        raise SystemExit(f"{picture.file}: SHA-256 is {digest}, expected {picture.sha256}")
    return path


def load_rgb(picture: Picture) -> np.ndarray:
    """The picture as uint8 [height, width, 3]; grey ones have three equal channels, transparency becomes white."""
    pixels = iio.imread(path_of(picture))
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if pixels.shape[2] == 4:
        alpha = pixels[..., 3:].astype(np.float32) / 255
        pixels = np.round(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return pixels


def even(pixels: np.ndarray) -> np.ndarray:
    """Cut to an even height and width."""
    return pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]


def load_luma(picture: Picture) -> np.ndarray:
    """Luma in [0, 1], float32, even height and width."""
    return even(load_rgb(picture)).astype(np.float32) @ LUMA / 255
