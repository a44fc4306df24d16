"""Time PyTorch and torchvision on the inputs of detection-benchmark, run by run in turn with it.

    detection.py BENCHMARK [ROUNDS]

Both work on one thread, and the processor time of that thread is what counts, so that other work on
the machine disturbs little. Writes a Markdown table of medians in milliseconds and their ratios.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["OMP_NUM_THREADS"] = "1"

import numpy
import torch
import torchvision

FRAME = (592.0, 992.0)
MUST = {"proposals": 1 / 20, "nms": 1 / 10, "iou": 1 / 3, "roi-pool": 1 / 2}


def load(folder, name, columns):
    values = numpy.fromfile(f"{folder}/{name}.f32", dtype="<f4").reshape(-1, columns)
    return torch.from_numpy(values if columns > 1 else values[:, 0])


def proposals(anchors, offsets, scores):
    """Note 001's ProposalCreator at test time, on tensors; boxes are y, x, y, x."""
    foreground = torch.softmax(scores, dim=1)[:, 1]
    height = anchors[:, 2] - anchors[:, 0]
    width = anchors[:, 3] - anchors[:, 1]
    y = offsets[:, 0] * height + (anchors[:, 0] + 0.5 * height)
    x = offsets[:, 1] * width + (anchors[:, 1] + 0.5 * width)
    h = torch.exp(offsets[:, 2]) * height
    w = torch.exp(offsets[:, 3]) * width
    boxes = torch.stack((y - 0.5 * h, x - 0.5 * w, y + 0.5 * h, x + 0.5 * w), dim=1)
    boxes[:, 0::2].clamp_(0, FRAME[0])
    boxes[:, 1::2].clamp_(0, FRAME[1])
    large = (boxes[:, 2] - boxes[:, 0] >= 16) & (boxes[:, 3] - boxes[:, 1] >= 16)
    boxes, foreground = boxes[large], foreground[large]
    best, order = torch.topk(foreground, min(6000, len(foreground)))
    boxes = boxes[order]
    return boxes[torchvision.ops.nms(boxes, best, 0.7)[:300]]


def peers(folder):
    anchors = load(folder, "anchors", 4)
    ground_truth = load(folder, "ground-truth", 4)
    cases = {"iou": lambda: torchvision.ops.box_iou(anchors, ground_truth).numel()}
    for kind in ("untrained", "trained"):
        offsets, scores = load(folder, f"{kind}-offsets", 4), load(folder, f"{kind}-scores", 2)
        boxes, box_scores = load(folder, f"{kind}-boxes", 4), load(folder, f"{kind}-box-scores", 1)
        cases[f"proposals-{kind}"] = lambda o=offsets, s=scores: len(proposals(anchors, o, s))
        for end, limit in (("all", None), ("300", 300)):
            cases[f"nms-{kind}-{end}"] = lambda b=boxes, s=box_scores, n=limit: len(
                torchvision.ops.nms(b, s, 0.7)[:n]
            )
    features = load(folder, "features", 1).reshape(1, 512, 37, 62)
    # torchvision's boxes are x, y, x, y, behind the index of the image.
    rois = torch.nn.functional.pad(load(folder, "rois", 4)[:, [1, 0, 3, 2]], (1, 0))
    for name in ("roi-pool", "roi-pool-nChw16c"):
        cases[name] = lambda: torchvision.ops.roi_pool(features, rois, 7, 1 / 16).numel()
    return cases


def main():
    benchmark, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 15
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        ours = subprocess.Popen(
            [benchmark, "--to", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        names = ours.stdout.readline().split()
        cases = peers(folder)
        print(f"PyTorch {torch.__version__}, torchvision {torchvision.__version__}, ", end="")
        print(f"one thread each, in turn, medians of the processor time of {rounds} x 5 runs.\n")
        print("| case | ours, ms | peer, ms | ratio | must | result | allocations |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for name in names:
            mine, theirs, result, allocations, peer_result = [], [], "", "", ""
            for _ in range(rounds + 1):
                ours.stdin.write(f"{name} 5\n")
                ours.stdin.flush()
                times, result, allocations = ours.stdout.readline().split("|")
                mine += [float(t) / 1e3 for t in times.split()]
                if name not in cases:
                    continue
                for _ in range(5):
                    start = time.thread_time()
                    peer_result = cases[name]()
                    theirs.append((time.thread_time() - start) * 1e3)
            # The first round warms both up.
            a = statistics.median(mine[5:])
            row = [name, f"{a:.3f}", "", "", "", result.strip(), allocations.strip()]
            if theirs:
                b = statistics.median(theirs[5:])
                must = next(v for k, v in MUST.items() if name.startswith(k))
                row[2:5] = [f"{b:.3f}", f"1/{b / a:.0f}", f"1/{1 / must:.0f}"]
                row[5] = f"{result.strip()}, peer {peer_result}"
            print("| " + " | ".join(row) + " |", flush=True)
        ours.stdin.close()
        ours.wait()


if __name__ == "__main__":
    main()
