"""Faster R-CNN R50-C4 in PyTorch, with the names and the conventions of Detectron2's.

Detectron2 itself is not on PyPI. This is its inference in plain PyTorch with torchvision's compiled
operations: bottlenecks that take their stride in the 1x1, frozen normalisation, one map of stride 16 with 15
anchors a cell, RoIAlign of 14 x 14 with the boxes moved by half a cell, the fifth stage on each RoI.
"""
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.ops import batched_nms, clip_boxes_to_image, nms, roi_align

# BGR, as Caffe's ResNets want it.
MEAN = torch.tensor([103.53, 116.28, 123.675]).reshape(3, 1, 1)
CLASSES, BEFORE, AFTER = 80, 6000, 300


class Convolution(nn.Conv2d):
    """A convolution whose normalisation is a part of it."""

    def __init__(self, inputs, outputs, size, stride=1):
        super().__init__(inputs, outputs, size, stride, size // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, value):
        return self.norm(super().forward(value))


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, outputs, stride):
        super().__init__()
        self.conv1 = Convolution(inputs, width, 1, stride)
        self.conv2 = Convolution(width, width, 3)
        self.conv3 = Convolution(width, outputs, 1)
        self.shortcut = Convolution(inputs, outputs, 1, stride) if inputs != outputs else nn.Identity()

    def forward(self, value):
        hidden = F.relu(self.conv2(F.relu(self.conv1(value))))
        return F.relu(self.conv3(hidden) + self.shortcut(value))


def stage(inputs, width, count, stride):
    outputs = 4 * width
    blocks = [Bottleneck(inputs, width, outputs, stride)]
    return nn.Sequential(*blocks, *(Bottleneck(outputs, width, outputs, 1) for _ in range(count - 1)))


class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = Convolution(3, 64, 7, 2)

    def forward(self, image):
        return F.max_pool2d(F.relu(self.conv1(image)), 3, 2, 1)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Stem()
        self.res2, self.res3, self.res4 = stage(64, 64, 3, 1), stage(256, 128, 4, 2), stage(512, 256, 6, 2)

    def forward(self, image):
        return self.res4(self.res3(self.res2(self.stem(image))))


class RPNHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1024, 1024, 3, padding=1)
        self.objectness_logits, self.anchor_deltas = nn.Conv2d(1024, 15, 1), nn.Conv2d(1024, 60, 1)

    def forward(self, features):
        hidden = F.relu(self.conv(features))
        return self.objectness_logits(hidden), self.anchor_deltas(hidden)


def anchors(height, width):
    base = []
    for size in (32, 64, 128, 256, 512):
        for ratio in (0.5, 1, 2):
            w = (size ** 2 / ratio) ** 0.5
            base.append([-w / 2, -w * ratio / 2, w / 2, w * ratio / 2])
    y, x = torch.meshgrid(torch.arange(height) * 16, torch.arange(width) * 16, indexing="ij")
    shift = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
    return (shift + torch.tensor(base)).reshape(-1, 4).float()


def decode(boxes, deltas):
    size, middle = boxes[..., 2:] - boxes[..., :2], (boxes[..., 2:] + boxes[..., :2]) / 2
    middle = middle + deltas[..., :2] * size
    size = size * deltas[..., 2:].clamp(max=4.135).exp()
    return torch.cat([middle - size / 2, middle + size / 2], -1)


class C4(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.proposal_generator = nn.Module()
        self.proposal_generator.rpn_head = RPNHead()
        self.roi_heads = nn.Module()
        self.roi_heads.res5 = stage(1024, 512, 3, 2)
        self.roi_heads.box_predictor = nn.ModuleDict({"cls_score": nn.Linear(2048, CLASSES + 1),
                                                      "bbox_pred": nn.Linear(2048, 4 * CLASSES)})
        self.grid = {}

    def propose(self, features, size):
        logits, deltas = self.proposal_generator.rpn_head(features)
        shape = tuple(features.shape[2:])
        if shape not in self.grid:
            self.grid[shape] = anchors(*shape)
        best, order = logits[0].permute(1, 2, 0).flatten().topk(BEFORE)
        deltas = deltas[0].reshape(15, 4, *shape).permute(2, 3, 0, 1).reshape(-1, 4)[order]
        boxes = clip_boxes_to_image(decode(self.grid[shape][order], deltas), size)
        return boxes[nms(boxes, best, 0.7)[:AFTER]]

    def forward(self, image):
        """A picture (3, H, W), RGB of 0 to 255 at its own size, to boxes in it, labels, scores, proposals."""
        height, width = image.shape[1:]
        scale = min(800 / min(height, width), 1333 / max(height, width))
        size = round(height * scale), round(width * scale)
        value = F.interpolate(image.flip(0)[None].float(), size, mode="bilinear") - MEAN
        features = self.backbone(value)
        rois = self.propose(features, size)
        pooled = roi_align(features, [rois], 14, 1 / 16, 0, aligned=True)
        hidden = self.roi_heads.res5(pooled).mean((2, 3))
        probabilities = self.roi_heads.box_predictor["cls_score"](hidden).softmax(1)[:, :-1]
        deltas = self.roi_heads.box_predictor["bbox_pred"](hidden).reshape(-1, CLASSES, 4)
        boxes = decode(rois[:, None], deltas / torch.tensor([10, 10, 5, 5.0]))
        boxes = clip_boxes_to_image(boxes, size)
        rows, labels = (probabilities > 0.05).nonzero(as_tuple=True)
        chosen, scores = boxes[rows, labels], probabilities[rows, labels]
        kept = batched_nms(chosen, scores, labels, 0.5)[:100]
        return chosen[kept] / scale, labels[kept], scores[kept], rois / scale
