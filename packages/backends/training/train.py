"""Trains the network on the training pictures and writes the ONNX file: `python train.py`.

Low resolution is made as the evaluation makes it: 2x2 mean, rounded to 8 bits. Minutes on two CPU cores.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

import evaluate
import export
import network
from pictures import LUMA, TRAINING, Picture, even, load_rgb

LOW = 40  # side of a training patch at low resolution, pixels, halo included
BATCH = 16


def half(pixels: np.ndarray) -> np.ndarray:
    """2x2 mean."""
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    return pixels[: 2 * height, : 2 * width].reshape(height, 2, width, 2, *pixels.shape[2:]).mean((1, 3))


def make_patches(pictures: Sequence[Picture], count: int, seed: int) -> np.ndarray:
    """Random high resolution patches [count, 2 LOW, 2 LOW] in [0, 1].

    Augmentation: pictures at full and at half size (which is sharper), luma mixed with random weights from R, G and B,
    and contrast and gamma changed. Turns and flips are left to the training step.
    """
    rng = np.random.default_rng(seed)
    sources: list[np.ndarray] = []
    shares: list[float] = []
    for picture in pictures:
        full = even(load_rgb(picture)).astype(np.float32) / 255
        for pixels, part in ((full, 0.6), (half(full), 0.4)):
            if min(pixels.shape[:2]) >= 2 * LOW:
                sources.append(pixels)
                shares.append(picture.share * part)
    probability = np.array(shares) / sum(shares)
    patches = np.empty((count, 2 * LOW, 2 * LOW), np.float32)
    i = 0
    while i < count:
        pixels = sources[rng.choice(len(sources), p=probability)]
        top = rng.integers(pixels.shape[0] - 2 * LOW + 1)
        left = rng.integers(pixels.shape[1] - 2 * LOW + 1)
        crop = pixels[top : top + 2 * LOW, left : left + 2 * LOW]
        weights = LUMA if rng.random() < 0.5 else rng.dirichlet((1, 1, 1)).astype(np.float32)
        patch = crop @ weights
        if patch.std() < 0.02 and rng.random() < 0.9:  # sky and black teach nothing
            continue
        if rng.random() < 0.5:
            patch = patch ** np.float32(rng.uniform(0.6, 1.6))
        if rng.random() < 0.5:
            middle, factor = patch.mean(), rng.uniform(0.6, 1.5)
            patch = np.clip(middle + (patch - middle) * factor, 0, 1)
        if rng.random() < 0.2:
            patch = 1 - patch
        patches[i] = patch
        i += 1
    return patches


def loss_of(params: network.Params, high: jax.Array) -> jax.Array:
    """Mean squared error of one batch of high resolution patches."""
    count = high.shape[0]
    low = jnp.round(high.reshape(count, LOW, 2, LOW, 2).mean((2, 4)) * 255) / 255
    rim = 2 * network.HALO
    wanted = network.sub_pixels(high[:, rim:-rim, rim:-rim])
    return jnp.mean((network.forward(params, low[:, None]) - wanted) ** 2)


@jax.jit
def step(state, patches, key, done, total, rate):
    """One step of Adam: warm-up, then a cosine down to zero. A compiled loop over steps would be four times slower on
    CPUs, where convolutions inside loops use one thread.
    """
    params, mean, square, average = state
    pick, turn = jax.random.split(jax.random.fold_in(key, done))
    batch = patches[jax.random.randint(pick, (BATCH,), 0, patches.shape[0])]
    flips = jax.random.bernoulli(turn, shape=(3,))
    batch = jnp.where(flips[0], batch[:, ::-1], batch)
    batch = jnp.where(flips[1], batch[:, :, ::-1], batch)
    batch = jnp.where(flips[2], batch.transpose(0, 2, 1), batch)
    loss, gradient = jax.value_and_grad(loss_of)(params, batch)
    now = done + 1
    speed = rate * 0.5 * (1 + jnp.cos(jnp.pi * now / total)) * jnp.minimum(1, now / 200)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = jax.tree.map(lambda s, g: 0.99 * s + 0.01 * g * g, square, gradient)
    params = jax.tree.map(
        lambda p, m, s: p - speed * (m / (1 - 0.9**now)) / (jnp.sqrt(s / (1 - 0.99**now)) + 1e-8),
        params, mean, square)
    average = jax.tree.map(lambda a, p: 0.998 * a + 0.002 * p, average, params)
    return (params, mean, square, average), loss


def train(pictures: Sequence[Picture], steps: int, rate: float, patches: int, seed: int) -> network.Params:
    """The averaged weights after `steps` steps on these pictures."""
    params = jax.tree.map(jnp.asarray, network.initial(seed))
    zeros = jax.tree.map(jnp.zeros_like, params)
    state = (params, zeros, zeros, params)
    pool = jnp.asarray(make_patches(pictures, patches, seed))
    key = jax.random.key(seed)
    began = time.monotonic()
    losses = []
    for done in range(steps):
        state, loss = step(state, pool, key, done, float(steps), rate)
        losses.append(loss)
        if len(losses) == 1000 or done + 1 == steps:
            decibel = 10 * np.log10(1 / np.mean(losses))
            print(f"step {done + 1:6d}  {decibel:.2f} dB  {time.monotonic() - began:.0f} s", flush=True)
            losses.clear()
    return {name: np.asarray(value) for name, value in state[3].items()}


def main() -> None:
    """Trains, writes the ONNX file and prints the evaluation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=24_000)
    parser.add_argument("--rate", type=float, default=1e-2, help="highest learning rate")
    parser.add_argument("--patches", type=int, default=12_000, help="size of the pool of training patches")
    parser.add_argument("--seed", type=int, default=0)
    export.export(train(TRAINING, **vars(parser.parse_args())))
    evaluate.main()


if __name__ == "__main__":
    main()
