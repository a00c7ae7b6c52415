#!/usr/bin/env python3
"""Makes the goldens of GGUF files with the `gguf` package, which is llama.cpp's own.

    python tests/golden/make_gguf_goldens.py

`gguf/blocks.json`: blocks of every quantized type, and their numbers by the package's reference dequantization.
"""

import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES

HERE = Path(__file__).resolve().parent / "gguf"

# Where the scales of a block, IEEE halves, lie.
SCALES = {
    Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
    Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208],
}


def blocks_of(kind, random):
    """Random blocks of a type, with scales that a model could have."""
    length, size = GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (1 if length == 256 else 2, size), dtype=np.uint8)
    for block in blocks:
        for at in SCALES[kind]:
            block[at : at + 2] = np.array([random.uniform(-0.1, 0.1)], np.float16).view(np.uint8)
    return blocks


def main():
    random = np.random.default_rng(7)
    goldens = []
    for kind in SCALES:
        blocks = blocks_of(kind, random)
        numbers = quants.dequantize(blocks, kind).astype(np.float32).ravel()
        # Nine digits name every f32.
        exact = [float(f"{number:.9g}") for number in numbers]
        goldens.append({"type": kind.name.lower(), "bytes": blocks.tobytes().hex(), "numbers": exact})
    HERE.mkdir(exist_ok=True)
    rows = ",\n".join(json.dumps(golden) for golden in goldens)
    (HERE / "blocks.json").write_text(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    main()
