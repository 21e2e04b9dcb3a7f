"""Choosing a device: CUDA where there is one, without paying for torch where there is none."""

from __future__ import annotations

from pathlib import Path

from econ.core.errors import InputError

CHOICES = ("auto", "cpu", "cuda")


def resolve_device(choice: str = "auto") -> str:
    """``cpu`` or ``cuda``.

    Parameters
    ----------
    choice : str
        ``auto`` takes CUDA when a driver and a torch that can use it are there.

    Raises
    ------
    InputError
        If the choice is unknown, or CUDA is asked for and absent.
    """
    if choice not in CHOICES:
        raise InputError("unknown device", key="device", found=choice, allowed=", ".join(CHOICES))
    if choice == "cpu" or (choice == "auto" and not _driver_present()):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if choice == "cuda":
        raise InputError("no CUDA device can be used here", key="device", found=choice, allowed="cpu")
    return "cpu"


def _driver_present() -> bool:
    """Whether the NVIDIA driver's files are there; importing torch to ask it takes over a second."""
    return any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg", "/proc/driver/nvidia"))
