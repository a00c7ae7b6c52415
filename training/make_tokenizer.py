#!/usr/bin/env python3
"""Learns the tokens: byte-level BPE, digits one by one, `<|endoftext|>` (id 0) put before every text.

    python training/make_tokenizer.py corpus.txt tokenizer.json
"""

import argparse

from text import END, read_documents
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("out")
    parser.add_argument("--size", type=int, default=8192)
    given = parser.parse_args()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=given.size,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(read_documents(given.corpus), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{END} $A", pair=f"{END} $A $B", special_tokens=[(END, 0)]
    )
    tokenizer.save(given.out)


if __name__ == "__main__":
    main()
