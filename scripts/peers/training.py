"""What scripts/bench-training compares with: the same training steps in PyTorch.

    training.py BENCHMARK [--steps N] [--threads N] [MODEL...]
    training.py --serve MODEL --threads N

The first form starts the benchmark and itself, each in a process of its own, lets them take turns and prints a Markdown
table of medians. The second does one step for each line that it reads. What a step is given is drawn once: which anchors and
RoIs are sampled, and what they are trained towards, so that PyTorch proposes and matches nothing. Needs torch and torchvision.
"""
import argparse
import pathlib
import statistics
import subprocess
import sys
import time

MODELS = ["narrow-vgg", "vgg16", "resnet50-fpn"]


def serve(model, threads):
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    step = {"narrow-vgg": narrow_vgg, "vgg16": vgg16, "resnet50-fpn": resnet50_fpn}[model]()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(*step(), flush=True)
    status = pathlib.Path("/proc/self/status").read_text().split("\n")
    print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024, flush=True)


def samples(anchors, rois, classes, height, width):
    """Labels and targets of anchors, RoIs with their labels and targets."""
    import torch

    anchor_labels = torch.full((anchors,), -1)
    chosen = torch.randperm(anchors)[:256]
    anchor_labels[chosen] = 0
    anchor_labels[chosen[:64]] = 1
    extent = torch.tensor([width, height])
    size = 32 + torch.rand(rois, 2) * extent * 0.4
    corner = torch.rand(rois, 2) * (extent - size)
    boxes = torch.cat([torch.zeros(rois, 1), corner, corner + size], 1)
    roi_labels = torch.randint(1, classes, (rois,))
    roi_labels[rois // 4:] = 0
    return anchor_labels, torch.randn(anchors, 4) * 0.2, boxes, roi_labels, torch.randn(rois, 4) * 0.5


def total_loss(objectness, offsets, scores, boxes, drawn, beta):
    import torch
    import torch.nn.functional as F

    anchor_labels, anchor_targets, _, roi_labels, roi_targets = drawn
    kept, positive, objects = anchor_labels >= 0, anchor_labels > 0, torch.where(roi_labels > 0)[0]
    if objectness.dim() == 1:
        first = F.binary_cross_entropy_with_logits(objectness[kept], anchor_labels[kept].float())
    else:
        first = F.cross_entropy(objectness, anchor_labels, ignore_index=-1)
    second = F.smooth_l1_loss(offsets[positive], anchor_targets[positive], beta=1 / 9, reduction="sum") / kept.sum()
    own = boxes.view(len(roi_labels), -1, 4)[objects, roi_labels[objects]]
    fourth = F.smooth_l1_loss(own, roi_targets[objects], beta=beta, reduction="sum") / len(roi_labels)
    return first + second + F.cross_entropy(scores, roi_labels) + fourth


def timed(forward, optimiser):
    """A step: milliseconds of forward, backward and update."""
    def step():
        marks = [time.perf_counter()]
        loss = forward()
        marks.append(time.perf_counter())
        optimiser.zero_grad()
        loss.backward()
        marks.append(time.perf_counter())
        optimiser.step()
        marks.append(time.perf_counter())
        return [1000 * (after - before) for before, after in zip(marks, marks[1:])]
    return step


def vgg(stages, middle, hidden, classes, height, width, is_normalised, frozen):
    """simple-faster-rcnn's network: the extractor, the RPN's three convolutions and the head over RoIPool."""
    import torch
    from torch import nn
    from torchvision.ops import roi_pool

    layers, channels = [], 3
    for number, stage in enumerate(stages):
        if number:
            layers.append(nn.MaxPool2d(2, 2))
        for wide in stage:
            layers.append(nn.Conv2d(channels, wide, 3, padding=1, bias=not is_normalised))
            nn.init.kaiming_normal_(layers[-1].weight, nonlinearity="relu")
            if is_normalised:
                layers.append(nn.BatchNorm2d(wide))
            layers.append(nn.ReLU(inplace=True))
            channels = wide
    extractor = nn.Sequential(*layers)
    convolutions = [layer for layer in extractor if isinstance(layer, nn.Conv2d)]
    for layer in convolutions[:frozen]:
        layer.requires_grad_(False)
    rpn = nn.ModuleList([nn.Conv2d(channels, middle, 3, padding=1), nn.Conv2d(middle, 18, 1), nn.Conv2d(middle, 36, 1)])
    hidden_layers = nn.Sequential(nn.Linear(channels * 49, hidden), nn.ReLU(True), nn.Linear(hidden, hidden), nn.ReLU(True))
    score, box = nn.Linear(hidden, classes), nn.Linear(hidden, classes * 4)
    network = nn.ModuleList([extractor, rpn, hidden_layers, score, box]).train()
    picture = torch.randn(1, 3, height, width)
    drawn = samples(height // 16 * (width // 16) * 9, 128, classes, height, width)

    def forward():
        features = extractor(picture)
        middle_map = torch.relu(rpn[0](features))
        rows = lambda layer, count: layer(middle_map)[0].permute(1, 2, 0).reshape(-1, count)
        pooled = hidden_layers(roi_pool(features, drawn[2], (7, 7), 1 / 16).flatten(1))
        return total_loss(rows(rpn[1], 2), rows(rpn[2], 4), score(pooled), box(pooled), drawn, 1.0)

    groups = [
        {"params": [value], "lr": 2e-9 if name.endswith("bias") else 1e-9, "weight_decay": 0 if name.endswith("bias") else 5e-4}
        for name, value in network.named_parameters() if value.requires_grad]
    return timed(forward, torch.optim.SGD(groups, lr=1e-9, momentum=0.9))


def narrow_vgg():
    return vgg([[16, 16], [32, 32], [64, 64], [96, 96], [128, 128]], 128, 512, 4, 480, 640, True, 0)


def vgg16():
    stages = [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]]
    return vgg(stages, 512, 4096, 21, 600, 800, False, 4)


def resnet50_fpn():
    """torchvision's, all layers trained, frozen normalisation, on what it makes of a picture of 600 x 800."""
    import torch
    from torchvision.models.detection import FasterRCNN
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    from torchvision.models.detection.rpn import concat_box_prediction_layers
    from torchvision.ops.misc import FrozenBatchNorm2d

    height, width = 800, 1088
    backbone = resnet_fpn_backbone(
        backbone_name="resnet50", weights=None, trainable_layers=5, norm_layer=FrozenBatchNorm2d)
    network = FasterRCNN(backbone, 91).train()
    for name, module in network.named_modules():
        # What random weights give would grow from block to block.
        if name.endswith(("bn3", "downsample.1")):
            module.weight.mul_(0.3)
    picture = torch.randn(1, 3, height, width)
    cells = sum(-(-height // stride) * -(-width // stride) for stride in (4, 8, 16, 32, 64))
    drawn = samples(3 * cells, 512, 91, height, width)
    rois, sizes = [drawn[2][:, 1:].contiguous()], [(800, 1066)]

    def forward():
        features = network.backbone(picture)
        objectness, offsets = network.rpn.head(list(features.values()))
        objectness, offsets = concat_box_prediction_layers(objectness, offsets)
        pooled = network.roi_heads.box_head(network.roi_heads.box_roi_pool(features, rois, sizes))
        scores, boxes = network.roi_heads.box_predictor(pooled)
        return total_loss(objectness[:, 0], offsets, scores, boxes, drawn, 1 / 9)

    live = [value for value in network.parameters() if value.requires_grad]
    return timed(forward, torch.optim.SGD(live, lr=1e-9, momentum=0.9, weight_decay=5e-4))


class Peer:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.read() == ["ready"]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"a peer ended: {self.process.args}")
        return line.split()

    def step(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [float(value) for value in self.read()[:3]]

    def end(self):
        self.process.stdin.close()
        peak = float(self.read()[0])
        self.process.wait()
        return peak


def compare(benchmark, models, steps, threads):
    print(f"{threads} threads, medians of {steps} steps in turns after one to warm up, milliseconds\n")
    print("| model | | forward | backward | update | step | of PyTorch's | MB | of PyTorch's |")
    print("|---|---|---|---|---|---|---|---|---|")
    for model in models:
        ours = Peer([benchmark, model, str(threads)])
        theirs = Peer([sys.executable, __file__, "--serve", model, "--threads", str(threads)])
        times = {ours: [], theirs: []}
        for number in range(steps + 1):
            for peer in (theirs, ours):
                found = peer.step()
                if number:
                    times[peer].append(found)
        medians = {peer: [statistics.median(part) for part in zip(*rows)] for peer, rows in times.items()}
        whole = {peer: statistics.median(map(sum, rows)) for peer, rows in times.items()}
        peaks = {peer: peer.end() for peer in times}
        for peer, name in ((theirs, "PyTorch"), (ours, "frcnn")):
            parts = " | ".join(f"{value:.1f}" for value in medians[peer])
            share = "" if peer is theirs else f"{whole[ours] / whole[theirs]:.2f}"
            memory = "" if peer is theirs else f"{peaks[ours] / peaks[theirs]:.2f}"
            print(f"| {model} | {name} | {parts} | {whole[peer]:.1f} | {share} | {peaks[peer]:.0f} | {memory} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", nargs="?")
    parser.add_argument("models", nargs="*")
    parser.add_argument("--serve", metavar="MODEL")
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_intermixed_args()
    if given.serve:
        serve(given.serve, given.threads)
    else:
        compare(given.benchmark, given.models or MODELS, given.steps, given.threads)


main()
