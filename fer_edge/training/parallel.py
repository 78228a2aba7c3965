"""Several processes training one network (`torchrun`), each on its part of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch import distributed as dist


def processes() -> int:
    """How many there are: 1, but under `torchrun`."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this is. The first one writes files and talks."""
    return int(os.environ.get("RANK", "0"))


def local_rank() -> int:
    """Which of those on this machine: the number of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def group(device: torch.device) -> Iterator[None]:
    """Connect the processes, by NCCL between GPUs, else by Gloo."""
    if processes() == 1:
        yield
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


@torch.no_grad()
def average_(tensors: Iterable[Tensor]) -> None:
    """Replace every tensor by its mean over the processes, in one exchange."""
    tensors = list(tensors)
    if processes() == 1 or not tensors:
        return
    flat = torch.cat([tensor.flatten().float() for tensor in tensors])
    dist.all_reduce(flat)
    flat /= processes()
    for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))


def anywhere(flag: bool, device: torch.device) -> bool:
    """Whether `flag` is set in any process."""
    if processes() == 1:
        return flag
    flags = torch.tensor(float(flag), device=device)
    dist.all_reduce(flags)
    return bool(flags.item())
