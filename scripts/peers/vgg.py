"""VGG16 and the embedded model beside peers that run their networks.

Every engine runs the convolutions and the head; all peers share the rest (decoding by Pillow, proposals,
RoI pooling, class boxes by PyTorch and torchvision, whose kernels are compiled).
"""
import io
import json
import pathlib
import re
import subprocess

import nncf
import numpy as np
import openvino
import torch
from PIL import Image
from torch import nn
from torchvision.ops import batched_nms, nms, roi_pool

from runtimes import Server, has_bfloat16, onnxruntime_call, openvino_call, picture, torch_call
from weights import read

MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def convolution(state, name):
    weights = state[name + ".weight"]
    layer = nn.Conv2d(weights.shape[1], weights.shape[0], weights.shape[2], padding=weights.shape[2] // 2)
    layer.load_state_dict({"weight": weights, "bias": state[name + ".bias"]})
    return layer


def linear(state, name):
    weights = state[name + ".weight"]
    layer = nn.Linear(weights.shape[1], weights.shape[0], bias=name + ".bias" in state)
    layer.load_state_dict({part: state[f"{name}.{part}"] for part in ("weight", "bias") if f"{name}.{part}" in state})
    return layer


class Backbone(nn.Module):
    """Extractor and RPN: features, anchors' logits of the foreground, offsets."""

    def __init__(self, state):
        super().__init__()
        layers, expected = [], 0
        for index in sorted(int(m[1]) for m in (re.match(r"extractor\.(\d+)\.weight", n) for n in state) if m):
            if index > expected:
                layers.append(nn.MaxPool2d(2))
            layers += [convolution(state, f"extractor.{index}"), nn.ReLU()]
            expected = index + 2
        self.extractor = nn.Sequential(*layers)
        self.conv1, self.score, self.loc = (convolution(state, "rpn." + n) for n in ("conv1", "score", "loc"))

    def forward(self, image):
        features = self.extractor(image)
        hidden = torch.relu(self.conv1(features))
        return features, self.score(hidden), self.loc(hidden)


class Head(nn.Module):
    """Fully connected layers with ReLU, one or two, each one matrix or a product of two."""

    def __init__(self, state):
        super().__init__()
        layers = []
        for name in ("head.classifier.0", "head.classifier.2"):
            if f"{name}.weight" in state:
                layers += [linear(state, name), nn.ReLU()]
            elif f"{name}.0.weight" in state:
                layers += [linear(state, f"{name}.0"), linear(state, f"{name}.1"), nn.ReLU()]
        self.hidden = nn.Sequential(*layers)
        self.loc, self.score = linear(state, "head.cls_loc"), linear(state, "head.score")

    def forward(self, pooled):
        hidden = self.hidden(pooled.flatten(1))
        return self.loc(hidden), self.score(hidden)


def anchors(height, width, scales):
    base = []
    for ratio in (0.5, 1, 2):
        for scale in scales:
            h, w = 16 * scale * ratio ** 0.5, 16 * scale * (1 / ratio) ** 0.5
            base.append([8 - w / 2, 8 - h / 2, 8 + w / 2, 8 + h / 2])
    y, x = torch.meshgrid(torch.arange(height) * 16, torch.arange(width) * 16, indexing="ij")
    shift = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
    return (shift + torch.tensor(base)).reshape(-1, 4).float()


def decode(boxes, offsets):
    """Boxes (x1, y1, x2, y2) moved by offsets (dy, dx, dh, dw)."""
    size, middle = boxes[..., 2:] - boxes[..., :2], (boxes[..., 2:] + boxes[..., :2]) / 2
    middle = middle + offsets[..., [1, 0]] * size
    size = size * offsets[..., [3, 2]].exp()
    return torch.cat([middle - size / 2, middle + size / 2], -1)


class Pipeline:
    """A detection from a file's bytes to JSON around an engine's two networks."""

    def __init__(self, backbone, head, state, scales, pooled):
        self.backbone, self.head = backbone, head
        self.scales, self.pooled, self.grid = scales, pooled, {}

    def image(self, data):
        pixels = torch.from_numpy(np.array(Image.open(io.BytesIO(data)).convert("RGB")))
        return ((pixels / 255 - MEAN) / DEVIATION).permute(2, 0, 1)[None].contiguous()

    def regions(self, data):
        image = self.image(data)
        height, width = image.shape[2:]
        features, score, loc = self.backbone(image)
        shape = tuple(features.shape[2:])
        if shape not in self.grid:
            self.grid[shape] = anchors(*shape, self.scales)
        logits = score.permute(0, 2, 3, 1).reshape(-1, 2)
        foreground = torch.softmax(logits, 1)[:, 1]
        boxes = decode(self.grid[shape], loc.permute(0, 2, 3, 1).reshape(-1, 4))
        boxes = boxes.clamp(min=0).minimum(torch.tensor([width, height, width, height]))
        keep = ((boxes[:, 2:] - boxes[:, :2]) >= 16).all(1)
        boxes, foreground = boxes[keep], foreground[keep]
        order = foreground.argsort(descending=True)[:6000]
        boxes, foreground = boxes[order], foreground[order]
        kept = nms(boxes, foreground, 0.7)[:300]
        rois = boxes[kept]
        pooled = roi_pool(features, [rois], self.pooled, 1 / 16)
        return rois, pooled, (height, width)

    def __call__(self, data):
        rois, pooled, (height, width) = self.regions(data)
        loc, score = self.head(pooled)
        probabilities = torch.softmax(score, 1)
        count = probabilities.shape[1]
        offsets = loc.reshape(-1, count, 4) * torch.tensor([0.1, 0.1, 0.2, 0.2])
        boxes = decode(rois[:, None].expand(-1, count, 4), offsets)
        boxes = boxes.clamp(min=0).minimum(torch.tensor([width, height, width, height]))
        rows, classes = (probabilities[:, 1:] > 0.05).nonzero(as_tuple=True)
        chosen, scores = boxes[rows, classes + 1], probabilities[rows, classes + 1]
        kept = batched_nms(chosen, scores, classes, 0.3)
        return json.dumps({"boxes": chosen[kept].tolist(), "scores": scores[kept].tolist(),
                           "labels": classes[kept].tolist(), "proposals": rois.tolist()})


def onnx_export(module, example, path, names, dynamic):
    torch.onnx.export(module, (example,), path, input_names=["input"], output_names=names, dynamo=True,
                      dynamic_shapes=dynamic, external_data=False, verbose=False)


def engines(program, folder, path, size, scales, flags):
    """The engines by name, for one model; the servers among them have to be ended."""
    state = read(path)
    backbone, head = Backbone(state).eval(), Head(state).eval()
    cells = head.hidden[0].in_features // backbone.loc.weight.shape[1]
    side = round(cells ** 0.5)
    image = torch.zeros(1, 3, *size)
    pooled = torch.zeros(300, backbone.extractor[-2].weight.shape[0], side, side)
    onnx_export(backbone, image, f"{folder}/backbone.onnx", ["features", "score", "loc"], None)
    rows = torch.export.Dim("rows", min=2, max=300)
    onnx_export(head, pooled, f"{folder}/head.onnx", ["boxes", "classes"], ({0: rows},))
    core = openvino.Core()
    parts = [core.read_model(f"{folder}/{n}.onnx") for n in ("backbone", "head")]

    def pipeline(first, second):
        return Pipeline(first, second, state, scales, side)

    result = {"PyTorch, fp32": pipeline(torch_call(backbone), torch_call(head))}
    result["ONNX Runtime, fp32"] = pipeline(*(onnxruntime_call(f"{folder}/{n}.onnx") for n in ("backbone", "head")))
    result["OpenVINO, fp32"] = pipeline(*(openvino_call(m, core, "f32") for m in parts))
    if has_bfloat16():
        result["OpenVINO, bf16"] = pipeline(*(openvino_call(m, core, "bf16") for m in parts))

    pictures = [picture(*size, seed) for seed in range(2, 6)]
    with torch.inference_mode():
        inputs = [result["PyTorch, fp32"].image(p).numpy() for p in pictures]
        regions = [result["PyTorch, fp32"].regions(p)[1].numpy() for p in pictures]
    quantized = [nncf.quantize(m, nncf.Dataset(d), subset_size=len(d)) for m, d in zip(parts, (inputs, regions))]
    result["OpenVINO, int8 by NNCF"] = pipeline(*(openvino_call(m, core) for m in quantized))

    samples = pathlib.Path(folder, "pictures")
    samples.mkdir(exist_ok=True)
    for index, data in enumerate(pictures):
        (samples / f"{index}.jpg").write_bytes(data)
    calibrated = f"{folder}/calibrated.safetensors"
    subprocess.run([program, "calibrate", *flags, "--images", samples, "--output", calibrated], check=True,
                   stdout=subprocess.DEVNULL)
    result["frcnn, fp32"] = Server(program, *flags)
    result["frcnn, fp32, direct convolutions"] = Server(program, *flags, "--convolution", "direct")
    if has_bfloat16():
        result["frcnn, bf16"] = Server(program, *flags, "--precision", "bf16")
    result["frcnn, int8"] = Server(program, "--model", calibrated, "--precision", "int8")
    return result
