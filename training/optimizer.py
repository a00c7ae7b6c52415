"""Muon (Jordan et al., 2024) for the matrices of the layers, Adam (Kingma and Ba, 2015) for embeddings and norms."""

import math

import torch

BETAS = (0.9, 0.95)
WEIGHT_DECAY = 0.05


def orthogonalized(matrices):
    """The nearest orthogonal matrices, nearly: five Newton-Schulz steps with Muon's coefficients, [n, rows, columns]."""
    x = matrices.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        square = torch.baddbmm(square, square, square, beta=-4.7750, alpha=2.0315)
        x = torch.baddbmm(x, square, x, beta=3.4445)
    return (x.mT if tall else x).float()


class Optimizer:
    def __init__(self, weights):
        self.weights = weights
        self.steps = 0
        matrices = [name for name in weights if ".layers." in name and weights[name].dim() == 2]
        shapes = sorted({tuple(weights[name].shape) for name in matrices})
        self.groups = [[name for name in matrices if tuple(weights[name].shape) == shape] for shape in shapes]
        self.others = [name for name in weights if name not in matrices]
        self.first = {name: torch.zeros_like(value) for name, value in weights.items()}
        self.second = {name: torch.zeros_like(weights[name]) for name in self.others}

    @torch.no_grad()
    def step(self, rate, other_rate, momentum):
        self.steps += 1
        for names in self.groups:
            self.step_matrices(names, rate, momentum)
        for name in self.others:
            self.step_other(name, other_rate)
        for value in self.weights.values():
            value.grad = None

    def step_matrices(self, names, rate, momentum):
        gradient = torch.stack([self.weights[name].grad for name in names])
        average = torch.stack([self.first[name] for name in names]).lerp(gradient, 1 - momentum)
        update = orthogonalized(gradient.lerp(average, momentum))
        scale = math.sqrt(max(1.0, gradient.shape[-2] / gradient.shape[-1]))
        for index, name in enumerate(names):
            self.first[name].copy_(average[index])
            self.weights[name].mul_(1 - rate * WEIGHT_DECAY).add_(update[index], alpha=-rate * scale)

    def step_other(self, name, rate):
        gradient = self.weights[name].grad
        self.first[name].lerp_(gradient, 1 - BETAS[0])
        self.second[name].lerp_(gradient * gradient, 1 - BETAS[1])
        mean = self.first[name] / (1 - BETAS[0] ** self.steps)
        square = self.second[name] / (1 - BETAS[1] ** self.steps)
        self.weights[name].add_(mean / (square.sqrt() + 1e-10), alpha=-rate)

    def state(self):
        return {"steps": self.steps, "first": self.first, "second": self.second}

    def restore(self, state):
        self.steps, self.first, self.second = state["steps"], state["first"], state["second"]
