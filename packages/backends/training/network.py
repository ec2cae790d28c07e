"""The network: its shape, its forward pass in JAX (for training) and in plain numpy (to check the exported file).

Four convolutions without padding and a linear path beside them, all at the low resolution; the four channels that
come out are the four sub-pixels of each pixel. "Without padding" is what makes tiles exact: a tile that brings HALO
pixels of its surroundings on each side gets the very answer it would get inside the whole picture, and no work is
wasted on a border that is thrown away.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

#: (channels out, kernel size) of the convolutions.
LAYERS = ((12, 3), (12, 3), (12, 3), (4, 3))

#: Slope of the leaky ReLU between them below zero.
SLOPE = 0.1

#: Pixels the input needs beyond the tile on each side: the receptive field radius.
HALO = sum(size // 2 for _, size in LAYERS)

#: Size of the linear path's kernel: what an aligned bicubic x2 needs.
LINEAR = 5

Params = dict[str, np.ndarray]


def cubic(distance: float, a: float) -> float:
    """The cubic convolution kernel."""
    d = abs(distance)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0


def bicubic_kernels(a: float = -0.5) -> np.ndarray:
    """Aligned bicubic x2 as a convolution: [4, 1, 5, 5], channel 2 * row phase + column phase.

    Sub-pixel p of a pixel lies at -1/4 or +1/4 of it: output centre i sits at (i + 0.5) / 2 - 0.5 in low resolution
    coordinates, as 2x2 mean downsampling asks.
    """
    taps = np.array([[cubic(k - 2 - shift, a) for k in range(LINEAR)] for shift in (-0.25, 0.25)], np.float32)
    return np.einsum("ri,cj->rcij", taps, taps).reshape(4, 1, LINEAR, LINEAR)


def initial(seed: int) -> Params:
    """He initialisation; the last layer starts small, so that training starts from bicubic."""
    rng = np.random.default_rng(seed)
    params: Params = {}
    channels = 1
    for i, (out, size) in enumerate(LAYERS):
        scale = np.sqrt(2 / (channels * size * size)) * (0.1 if i == len(LAYERS) - 1 else 1)
        params[f"conv{i}.weight"] = rng.normal(0, scale, (out, channels, size, size)).astype(np.float32)
        params[f"conv{i}.bias"] = np.zeros(out, np.float32)
        channels = out
    params["linear.weight"] = bicubic_kernels()
    return params


def count(params: Params) -> int:
    """Number of weights."""
    return sum(p.size for p in params.values())


def _conv(x: jax.Array, weight: jax.Array) -> jax.Array:
    return jax.lax.conv_general_dilated(x, weight, (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW"))


def forward(params: Params, x: jax.Array) -> jax.Array:
    """[n, 1, h + 2 HALO, w + 2 HALO] to sub-pixels [n, 4, h, w], in JAX."""
    rim = HALO - LINEAR // 2
    y = x
    for i in range(len(LAYERS)):
        y = _conv(y, params[f"conv{i}.weight"]) + params[f"conv{i}.bias"][:, None, None]
        if i < len(LAYERS) - 1:
            y = jnp.maximum(y, SLOPE * y)
    return y + _conv(x[:, :, rim : x.shape[2] - rim, rim : x.shape[3] - rim], params["linear.weight"])


def sub_pixels(high: jax.Array) -> jax.Array:
    """[n, 2h, 2w] to [n, 4, h, w], the order the network answers in."""
    n, height, width = high.shape
    parts = jnp.reshape(high, (n, height // 2, 2, width // 2, 2))
    return jnp.reshape(jnp.transpose(parts, (0, 2, 4, 1, 3)), (n, 4, height // 2, width // 2))


def upscale(params: Params, low: np.ndarray) -> np.ndarray:
    """A whole picture [h, w] in [0, 1] to [2h, 2w], in numpy alone; edges are replicated into the halo."""

    def conv(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        windows = sliding_window_view(x, weight.shape[2:], axis=(1, 2))
        return np.einsum("chwij,ocij->ohw", windows, weight, optimize=True)

    x = np.pad(low.astype(np.float32), HALO, mode="edge")[None]
    rim = HALO - LINEAR // 2
    y = x
    for i in range(len(LAYERS)):
        y = conv(y, params[f"conv{i}.weight"]) + params[f"conv{i}.bias"][:, None, None]
        if i < len(LAYERS) - 1:
            y = np.maximum(y, SLOPE * y)
    y = y + conv(x[:, rim : x.shape[1] - rim, rim : x.shape[2] - rim], params["linear.weight"])
    height, width = low.shape
    return y.reshape(2, 2, height, width).transpose(2, 0, 3, 1).reshape(2 * height, 2 * width)
