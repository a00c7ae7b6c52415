#!/usr/bin/env python3
"""Stores trained weights as GGUF, with the tokenizer inside.

    python training/export.py run.safetensors tokenizer.json assets/model/builtin.gguf
"""

import argparse
import json

import network
from gguf_file import TYPES, write
from safetensors.torch import load_file
from transformers import LlamaConfig


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights")
    parser.add_argument("tokenizer")
    parser.add_argument("out")
    parser.add_argument("--dtype", choices=TYPES, default="q8_0")
    given = parser.parse_args()
    config = LlamaConfig(
        vocab_size=network.VOCABULARY,
        hidden_size=network.WIDTH,
        intermediate_size=network.INNER,
        num_hidden_layers=network.LAYERS,
        num_attention_heads=network.HEADS,
        num_key_value_heads=network.HEADS,
        head_dim=network.HEAD,
        max_position_embeddings=network.CONTEXT,
        rms_norm_eps=network.EPSILON,
        rope_parameters={"rope_type": "default", "rope_theta": network.THETA},
    )
    with open(given.tokenizer, encoding="utf8") as file:
        tokenizer = json.load(file)
    write(given.out, load_file(given.weights), config, tokenizer, given.dtype)


if __name__ == "__main__":
    main()
