"""What scripts/bench-startup compares with: PyTorch makes a VGG16 Faster R-CNN of the same weights.

    startup.py FOLDER RUNS

FOLDER holds vgg16.safetensors. Each run is a process of its own, and its time is from its start until
the network holds the weights; no picture is run. Needs torch and numpy.
"""
import json
import pathlib
import struct
import subprocess
import sys
import time

LOADER = """
import resource, sys
import torch
from torch import nn

def network():
    layers, inputs = [], 3
    for stage in [[64, 64], [128, 128], [256] * 3, [512] * 3, [512] * 3]:
        for outputs in stage:
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
            inputs = outputs
        layers.append(nn.MaxPool2d(2))
    rpn = nn.ModuleDict({"conv1": nn.Conv2d(512, 512, 3, padding=1), "score": nn.Conv2d(512, 18, 1),
                         "loc": nn.Conv2d(512, 36, 1)})
    head = nn.ModuleDict({
        "classifier": nn.Sequential(nn.Linear(25088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()),
        "cls_loc": nn.Linear(4096, 84), "score": nn.Linear(4096, 21)})
    return nn.ModuleDict({"extractor": nn.Sequential(*layers[:-1]), "rpn": rpn, "head": head})

model = network()
model.load_state_dict(torch.load(sys.argv[1], weights_only=True))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def save_with_torch(source, target):
    """Writes a safetensors file's tensors as torch.save does."""
    import numpy as np
    import torch

    with open(source, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    data = np.memmap(source, np.float32, mode="c", offset=8 + length)
    header.pop("__metadata__", None)
    state = {}
    for name, entry in header.items():
        first, end = (offset // 4 for offset in entry["data_offsets"])
        state[name] = torch.from_numpy(data[first:end].reshape(entry["shape"]))
    torch.save(state, target)


def main():
    folder, runs = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    target = folder / "vgg16.pth"
    save_with_torch(folder / "vgg16.safetensors", target)
    times, peaks = [], []
    for _ in range(runs):
        start = time.monotonic()
        process = subprocess.run([sys.executable, "-c", LOADER, target], capture_output=True, check=True)
        times.append(time.monotonic() - start)
        peaks.append(int(process.stdout))
    middle = (runs - 1) // 2
    print(f"| PyTorch, `torch.load` and construction of VGG16 | {sorted(times)[middle] * 1000:.0f} | "
          f"{sorted(peaks)[middle] * 1024 / 1e6:.0f} |")


if __name__ == "__main__":
    main()
