#!/usr/bin/env python3
"""Turns text into token ids, once, so that training can begin at once whenever it is resumed.

    python training/prepare.py tokenizer.json corpus.txt corpus.npz
"""

import sys

from text import Documents, load_tokenizer


def main():
    tokenizer, source, out = sys.argv[1:]
    documents = Documents.tokenize(source, load_tokenizer(tokenizer))
    documents.save(out)
    print(f"{len(documents)} documents, {len(documents.ids)} tokens")


if __name__ == "__main__":
    main()
