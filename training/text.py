"""The text: a file of documents parted by lines of `<|endoftext|>`, and the same as token ids."""

import collections
import re

import numpy as np
from tokenizers import Tokenizer

END = "<|endoftext|>"
CONTEXT = 512


def read_documents(path):
    """The documents of a file, without the lines that part them."""
    text = open(path, encoding="utf8", newline="").read()
    documents = (document.removesuffix(END).strip("\n") for document in text.split(f"\n{END}\n"))
    return [document for document in documents if document]


WORD = re.compile(r"[A-Za-z']+")
STORY = re.compile(
    r"(once upon a time,? there (was|were|lived) (a|an|two) (little|small|big)"
    r"|one day,? a (little|small) (girl|boy|dog|cat|bird))", re.IGNORECASE)


def plainness(documents):
    """For each document the share of its words that are among the 1,200 most frequent ones of stories for small children."""
    words = [WORD.findall(document.lower()) for document in documents]
    stories = (words for document, words in zip(documents, words) if STORY.match(document))
    counts = collections.Counter(word for story in stories for word in story)
    known = {word for word, _ in counts.most_common(1200)}
    return np.array([sum(word in known for word in words) / max(1, len(words)) for words in words], dtype=np.float32)


class Documents:
    """Token ids of documents, each between two ends of text (id 0: it begins a document and ends it)."""

    def __init__(self, ids, lengths, plain):
        self.ids, self.lengths, self.plain = ids, lengths, plain
        self.starts = np.concatenate([[0], np.cumsum(lengths)])

    @classmethod
    def tokenize(cls, path, tokenizer):
        documents = read_documents(path)
        ids = []
        for begin in range(0, len(documents), 4000):
            for encoding in tokenizer.encode_batch(documents[begin : begin + 4000]):
                ids.append(np.array([*encoding.ids, 0], dtype=np.uint16))
        return cls(np.concatenate(ids), np.array([len(document) for document in ids]), plainness(documents))

    @classmethod
    def load(cls, path):
        stored = np.load(path)
        return cls(stored["ids"], stored["lengths"], stored["plain"])

    def save(self, path):
        np.savez(path, ids=self.ids, lengths=self.lengths, plain=self.plain)

    def __len__(self):
        return len(self.lengths)

    def document(self, index, most):
        """At most `most` ids of a document, from its beginning."""
        start = self.starts[index]
        return self.ids[start : start + min(self.lengths[index], most)]


def byte_lengths(tokenizer):
    """How many bytes each token stands for; a byte-level token has one character for every byte."""
    return np.array([len(tokenizer.id_to_token(index)) for index in range(tokenizer.get_vocab_size())])


def load_tokenizer(path):
    return Tokenizer.from_file(str(path))
