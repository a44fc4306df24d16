"""Safetensors read and written, and random weights whose activations stay in range.

A network of random weights is as fast as a trained one only where it is as busy: values have to stay
finite and of one size from layer to layer, and the head has to find as many objects as it may.
"""
import json
import struct

import numpy as np
import torch
from torch import nn


def read(path):
    """The tensors of a safetensors file, as float32."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    types = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "I64": np.dtype("<i8")}
    result = {}
    for name, entry in header.items():
        if name != "__metadata__":
            (start, end), kind = entry["data_offsets"], types[entry["dtype"]]
            values = np.frombuffer(data, kind, (end - start) // kind.itemsize, start)
            values = values.reshape(entry["shape"])
            result[name] = torch.from_numpy(values.copy() if kind.kind == "i" else values.astype(np.float32))
    return result


def write(path, state, metadata=None):
    """Writes tensors, float32 or int64, as safetensors."""
    kinds = {torch.float32: "F32", torch.int64: "I64"}
    header, offset = {"__metadata__": {"format": "pt", **(metadata or {})}}, 0
    for name, tensor in state.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": kinds[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in state.values():
            file.write(tensor.detach().contiguous().numpy().tobytes())


def randomise(backbone, run, seed=1):
    """Random weights for a backbone, whose normalisations then fit what `run` sends through it.

    A residual branch's last normalisation is damped, as training damps it, so that sums do not grow.
    """
    torch.manual_seed(seed)
    norms = []
    for name, module in backbone.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -0.01, 0.01)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
            if name.endswith((".bn3", "conv3.norm")):
                module.weight.data *= 0.2
            module.momentum = 1.0
            norms.append(module)
    backbone.train()
    with torch.no_grad():
        run()
    backbone.eval()
    for module in norms:
        module.momentum = 0.1


def balance(layer, deviation, run):
    """Outputs whose mean is 0 and whose deviation is as said, over what `run` sends through the layer.

    Features are positive, so that random weights prefer an anchor or a class everywhere, and move all boxes the
    same way: they suppress each other, and the head has next to nothing to do.
    """
    outputs = []
    hook = layer.register_forward_hook(lambda *call: outputs.append(call[2].transpose(0, 1).flatten(1)))
    with torch.no_grad():
        run()
        hook.remove()
        found, mean = torch.std_mean(torch.cat(outputs, 1), 1)
        factor = deviation / found
        layer.weight.mul_(factor.reshape(-1, *[1] * (layer.weight.dim() - 1)))
        layer.bias.sub_(mean).mul_(factor)
