"""The built-in model as transformers runs it: its weights as they are stored, in f32."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

import gguf_file


def load_builtin():
    """The model and its tokenizer."""
    return gguf_file.read(ROOT / "assets" / "model" / "builtin.gguf")
