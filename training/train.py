#!/usr/bin/env python3
"""Trains the built-in model; the learning rate follows the clock, so that a run ends when it should on any machine.

    python training/train.py corpus.npz --out run --minutes 100
    python training/train.py corpus.npz --out run --minutes 100 --resume run.steady.pt
"""

import argparse
import os
import time

import numpy as np
import torch
from network import CONTEXT, Network, fresh_weights
from optimizer import Optimizer
from repetition import unlikelihood
from safetensors.torch import load_file, save_file
from text import Documents

BATCH = 4096  # positions that are read at once
BATCHES = 2  # that make a step
CHUNK = 2000  # documents that are sorted by length together
PLAIN = 0.88  # from which share of plain words a document is a story for small children
EVERY = 6  # steps, one of which looks at repetitions too


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", help="token ids, by prepare.py")
    parser.add_argument("--out", default="run", help="what the names of the results begin with")
    parser.add_argument("--minutes", type=float, default=100)
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--init", help="weights to begin with (.safetensors); else random ones")
    start.add_argument("--resume", help="a checkpoint to go on from, with its optimizer and its place in the text")
    parser.add_argument("--rate", type=float, default=0.015, help="of the matrices")
    parser.add_argument("--other-rate", type=float, default=0.003, help="of embeddings and norms")
    parser.add_argument("--warm-up", type=int, default=100, help="steps")
    parser.add_argument("--hold", type=float, default=0.35, help="share of the time before the rate falls, linearly, to 0")
    parser.add_argument("--short", type=float, default=0.45, help="share of the time in which texts are cut to 256 tokens")
    parser.add_argument("--stories", type=int, default=4, help="how often the plainest documents come in an epoch")
    parser.add_argument("--ends", type=float, default=3.0, help="how much the end of one of the plainest documents weighs, beside 1 for other tokens")
    parser.add_argument("--varied", type=float, default=0.35, help="share of the time, at its end, in which repetitions are made unlikely")
    parser.add_argument("--unlikelihood", type=float, default=1.0, help="how much that weighs beside predicting the text")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


class Batches:
    """Batches of documents that are nearly of one length, every document from its beginning, in an order drawn by `seed`."""

    def __init__(self, documents, stories, ends, seed, read=0):
        self.documents, self.seed, self.read = documents, seed, read
        plain = documents.plain >= PLAIN
        # Only these are whole texts; the others end where a paragraph was cut off, of which there is little to learn.
        self.ends = np.where(plain, ends, 1.0)
        self.epoch = np.repeat(np.arange(len(documents)), np.where(plain, stories, 1))

    def chunks(self):
        while True:
            epoch, place = divmod(self.read, len(self.epoch))
            order = np.random.default_rng([self.seed, epoch]).permutation(self.epoch)
            chunk = order[place : place + CHUNK]
            self.read += len(chunk)
            yield chunk

    def batches(self, longest):
        """Ids, targets and what each target weighs, [rows, length]; −1 stands for no target. `longest()` may fall or grow from
        chunk to chunk."""
        for chunk in self.chunks():
            most = longest()
            lengths = np.minimum(self.documents.lengths[chunk] - 1, most)
            order = np.argsort(lengths, kind="stable")
            groups = list(self.grouped(chunk[order], (lengths[order] + 15) // 16 * 16))
            np.random.default_rng([self.seed, self.read]).shuffle(groups)
            for group, length in groups:
                yield self.batch(group, length, most)

    @staticmethod
    def grouped(documents, lengths):
        begin = 0
        while begin < len(documents):
            end = begin + 1
            while end < len(documents) and lengths[end] * (end - begin + 1) <= BATCH:
                end += 1
            yield documents[begin:end], int(lengths[end - 1])
            begin = end

    def batch(self, group, length, most):
        ids = np.zeros((len(group), length), np.int64)
        targets = np.full((len(group), length), -1, np.int64)
        weights = np.zeros((len(group), length), np.float32)
        for row, index in enumerate(group):
            document = self.documents.document(index, most + 1)
            ids[row, : len(document) - 1] = document[:-1]
            targets[row, : len(document) - 1] = document[1:]
            weights[row, : len(document) - 1] = np.where(document[1:] == 0, self.ends[index], 1.0)
        return torch.from_numpy(ids), torch.from_numpy(targets), torch.from_numpy(weights)


def save(path, network, optimizer, documents_read, tokens):
    weights = {name: value.detach() for name, value in network.weights.items()}
    torch.save({"weights": weights, "optimizer": optimizer.state(), "read": documents_read, "tokens": tokens}, f"{path}.new")
    os.replace(f"{path}.new", path)


def start(given):
    checkpoint = torch.load(given.resume) if given.resume else {}
    weights = checkpoint.get("weights") or (load_file(given.init) if given.init else fresh_weights())
    network = Network(weights)
    optimizer = Optimizer(network.weights)
    if checkpoint:
        optimizer.restore(checkpoint["optimizer"])
    batches = Batches(Documents.load(given.text), given.stories, given.ends, given.seed, checkpoint.get("read", 0))
    return network, optimizer, batches, checkpoint.get("tokens", 0)


def step(network, optimizer, batches, rates, momentum, unlikely=None):
    """One step; returns the weighted mean loss in nats per token and the number of tokens. `unlikely()` gives a batch with its shares."""
    parts = [next(batches) for _ in range(BATCHES)]
    tokens = sum(int((targets >= 0).sum()) for _, targets, _ in parts)
    total = 0.0
    for ids, targets, weights in parts:
        loss = network.loss(ids, targets.clamp(min=0), weights / tokens)
        loss.backward()
        total += loss.item()
    if unlikely:
        network.loss(*unlikely()).backward()
    optimizer.step(*rates, momentum)
    return total, tokens


def main():
    given = arguments()
    torch.manual_seed(given.seed)
    torch.set_num_threads(given.threads)
    network, optimizer, source, tokens = start(given)
    began, held, done = time.time(), False, 0
    progress = lambda: (time.time() - began) / 60 / given.minutes
    batches = source.batches(lambda: CONTEXT // 2 if progress() < given.short else CONTEXT)
    generator, repeated = np.random.default_rng(given.seed), []

    def unlikely():
        *batch, share = unlikelihood(network, source.documents, generator, given.unlikelihood)
        repeated.append(share)
        return batch

    losses = []
    while (at := progress()) < 1:
        if at >= given.hold and not held:
            save(f"{given.out}.steady.pt", network, optimizer, source.read, tokens)
            held = True
        share = min(1, (done + 1) / given.warm_up, (1 - at) / (1 - given.hold))
        momentum = 0.85 + 0.10 * min(1, done / 300)
        rates = (given.rate * share, given.other_rate * share)
        looks = at > 1 - given.varied and done % EVERY == 0
        loss, count = step(network, optimizer, batches, rates, momentum, unlikely if looks else None)
        losses.append(loss)
        tokens += count
        done += 1
        if done % 50 == 0:
            noted = f", {np.mean(repeated[-12:]):.1%} of greedy text repeats" if repeated else ""
            print(f"{done} steps, {at:.1%}, {tokens / 1e6:.2f}M tokens: {np.mean(losses[-50:]):.4f}{noted}", flush=True)
        if done % 500 == 0:
            save(f"{given.out}.last.pt", network, optimizer, source.read, tokens)
    save(f"{given.out}.last.pt", network, optimizer, source.read, tokens)
    save_file({name: value.detach() for name, value in network.weights.items()}, f"{given.out}.safetensors")
    print(f"{done} steps, {tokens} tokens")


if __name__ == "__main__":
    main()
