"""What scripts/bench-peers runs: whole detections by frcnn and by other engines, interleaved.

    engines.py FRCNN FOLDER OUTPUT ROUNDS

FOLDER holds vgg16.safetensors; models and pictures are made there. Every engine runs the convolutions
and the head; all peers share the rest (decoding by Pillow, proposals, RoI pooling, class boxes by
PyTorch and torchvision, whose kernels are compiled). frcnn is asked over HTTP, from the JPEG's bytes to
the JSON's. Two threads each. Writes OUTPUT/peers.md and OUTPUT/peers.svg.
"""
import datetime
import http.client
import io
import json
import os
import pathlib
import platform
import re
import statistics
import struct
import subprocess
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np
import onnxruntime
import openvino
import torch
import torchvision
from PIL import Image
from torch import nn
from torchvision.ops import batched_nms, nms, roi_pool

THREADS = 2
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def read(path):
    """The tensors of a safetensors file, as float32."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    types = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}
    result = {}
    for name, entry in header.items():
        if name != "__metadata__":
            (start, end), kind = entry["data_offsets"], types[entry["dtype"]]
            values = np.frombuffer(data, kind, (end - start) // kind.itemsize, start)
            result[name] = torch.from_numpy(values.reshape(entry["shape"]).astype(np.float32))
    return result


def convolution(state, name):
    weights = state[name + ".weight"]
    layer = nn.Conv2d(weights.shape[1], weights.shape[0], weights.shape[2], padding=weights.shape[2] // 2)
    layer.load_state_dict({"weight": weights, "bias": state[name + ".bias"]})
    return layer


def linear(state, name):
    weights = state[name + ".weight"]
    layer = nn.Linear(weights.shape[1], weights.shape[0])
    layer.load_state_dict({"weight": weights, "bias": state[name + ".bias"]})
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
    def __init__(self, state):
        super().__init__()
        self.hidden = nn.Sequential(linear(state, "head.classifier.0"), nn.ReLU(), linear(state, "head.classifier.2"),
                                    nn.ReLU())
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


def torch_call(module):
    def call(*inputs):
        with torch.inference_mode():
            return module(*inputs)
    return call


def onnxruntime_call(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda value: [torch.from_numpy(o) for o in session.run(None, {"input": value.numpy()})]


def openvino_call(model, core):
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    return lambda value: [torch.from_numpy(np.array(o)) for o in request.infer([value.numpy()]).values()]


class Server:
    """frcnn serve, asked over one connection that is kept."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen([program, "serve", "--port", "0", "--log-level", "none", "--threads",
                                         str(THREADS), *arguments], stderr=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, text=True)
        port = None
        for line in self.process.stderr:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            port = int(found[1]) if found else port
            if "ready with" in line:
                break
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def __call__(self, data):
        self.connection.request("POST", "/detect", data, {"Content-Type": "image/jpeg"})
        response = self.connection.getresponse()
        body = response.read()
        assert response.status == 200, body[:300]
        return body

    def peak(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024

    def end(self):
        self.process.terminate()
        self.process.wait()


def picture(height, width, seed):
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([127 + 120 * np.sin(x / (20 + 7 * c + 3 * seed) + y / (31 + 5 * c)) for c in range(3)], -1)
    noisy = np.clip(base + random.normal(0, 12, base.shape), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def engines(program, folder, path, size, scales, flags):
    """The engines by name, for one model; the servers among them have to be ended."""
    import nncf

    state = read(path)
    backbone, head = Backbone(state).eval(), Head(state).eval()
    cells = state["head.classifier.0.weight"].shape[1] // backbone.loc.weight.shape[1]
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

    result = {"PyTorch": pipeline(torch_call(backbone), torch_call(head))}
    result["ONNX Runtime"] = pipeline(*(onnxruntime_call(f"{folder}/{n}.onnx") for n in ("backbone", "head")))
    result["OpenVINO"] = pipeline(*(openvino_call(m, core) for m in parts))

    pictures = [picture(*size, seed) for seed in range(2, 6)]
    with torch.inference_mode():
        inputs = [result["PyTorch"].image(p).numpy() for p in pictures]
        regions = [result["PyTorch"].regions(p)[1].numpy() for p in pictures]
    quantized = [nncf.quantize(m, nncf.Dataset(d), subset_size=len(d)) for m, d in zip(parts, (inputs, regions))]
    result["OpenVINO, int8 by NNCF"] = pipeline(*(openvino_call(m, core) for m in quantized))

    samples = pathlib.Path(folder, "pictures")
    samples.mkdir(exist_ok=True)
    for index, data in enumerate(pictures):
        (samples / f"{index}.jpg").write_bytes(data)
    calibrated = f"{folder}/calibrated.safetensors"
    subprocess.run([program, "calibrate", *flags, "--images", samples, "--output", calibrated], check=True,
                   stdout=subprocess.DEVNULL)
    result["frcnn"] = Server(program, *flags)
    result["frcnn, direct convolutions"] = Server(program, *flags, "--convolution", "direct")
    result["frcnn, int8"] = Server(program, "--model", calibrated, "--precision", "int8")
    return result


def measure(engines, data, rounds):
    """Milliseconds of each engine in each round; the engines take turns."""
    times = {name: [] for name in engines}
    for run in range(rounds + 2):
        for name, engine in engines.items():
            # The threads of the one before may still wait for work without sleeping.
            time.sleep(0.5)
            start = time.perf_counter()
            engine(data)
            if run >= 2:
                times[name].append(1000 * (time.perf_counter() - start))
    return times


def rows(times, peaks):
    medians = {name: statistics.median(t) for name, t in times.items()}
    fastest = min((n for n in medians if "frcnn" not in n and "int8" not in n), key=medians.get)
    result = []
    for name, median in sorted(medians.items(), key=lambda e: e[1]):
        ratios = [a / b for a, b in zip(times[name], times[fastest])]
        result.append((name, median, min(times[name]), statistics.median(ratios), peaks.get(name)))
    return fastest, result


def table(fastest, rows):
    text = (f"| engine | median, ms | best, ms | against {fastest} | peak memory, MB |\n"
            "|---|---:|---:|---:|---:|\n")
    for name, median, best, ratio, peak in rows:
        shown = f"**{name}**" if "frcnn" in name else name
        text += f"| {shown} | {median:,.0f} | {best:,.0f} | {ratio:.2f} | {f'{peak / 1e6:,.0f}' if peak else ''} |\n"
    return text


def chart(sections):
    """Horizontal bars, a group for each model, as SVG that needs nothing else."""
    width, left, bar = 760, 210, 22
    lines, y = [], 34
    for title, rows in sections:
        lines.append(f'<text x="10" y="{y}" class="h">{title}</text>')
        y += 12
        longest = max(r[1] for r in rows)
        for name, median, *_ in rows:
            length = (width - left - 90) * median / longest
            kind = "own" if "frcnn" in name else "peer"
            lines.append(f'<text x="{left - 8}" y="{y + 15}" class="n">{name}</text>'
                         f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 5}" class="{kind}"/>'
                         f'<text x="{left + length + 6:.1f}" y="{y + 14}">{median:,.0f} ms</text>')
            y += bar
        y += 34
    style = ("text{font:13px sans-serif;fill:#222}.h{font-weight:bold}.n{text-anchor:end}.own{fill:#0b7a5b}"
             ".peer{fill:#9aa5b1}@media(prefers-color-scheme:dark){text{fill:#ddd}}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y - 20}" role="img" '
            f'aria-label="Milliseconds of a detection, engine by engine"><style>{style}</style>\n'
            + "\n".join(lines) + "\n</svg>\n")


def main():
    program, folder, output, rounds = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(THREADS)
    embedded = f"{folder}/embedded.safetensors"
    sample = pathlib.Path(folder, "one")
    sample.mkdir()
    (sample / "0.jpg").write_bytes(picture(480, 640, 1))
    subprocess.run([program, "calibrate", "--images", sample, "--output", embedded], check=True,
                   stdout=subprocess.DEVNULL)
    cases = [("VGG16, 600x800, 21 classes", f"{folder}/vgg16.safetensors", (600, 800), (8, 16, 32),
              ["--model", f"{folder}/vgg16.safetensors"]),
             ("The embedded model, 480x640", embedded, (480, 640), (2, 4, 8), [])]
    sections, tables = [], []
    for title, path, size, scales, flags in cases:
        chosen = engines(program, folder, path, size, scales, flags)
        servers = {n: e for n, e in chosen.items() if isinstance(e, Server)}
        times = measure(chosen, picture(*size, 1), rounds if size[0] == 600 else 3 * rounds)
        peaks = {name: server.peak() for name, server in servers.items()}
        for server in servers.values():
            server.end()
        fastest, result = rows(times, peaks)
        sections.append((title, result))
        tables.append(f"## {title}\n\n{table(fastest, result)}")
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    text = f"""# Beside other engines

Whole detections, from a JPEG's bytes to JSON: the same weights, the same picture, {THREADS} threads, at most 300
proposals. The engines took turns in one run; medians of {rounds} rounds (the small model: {3 * rounds}), and the median of each
round's ratio. Peers run inside Python with torchvision's compiled kernels around them; frcnn is asked
over HTTP. Unless said otherwise they compute in float32. Made by `scripts/bench-peers`.

{model}, {os.cpu_count()} cores; {datetime.date.today()}; PyTorch {torch.__version__.split("+")[0]}, torchvision \
{torchvision.__version__.split("+")[0]}, ONNX Runtime {onnxruntime.__version__}, OpenVINO \
{openvino.__version__.split("-")[0]}, Python {platform.python_version()}.

![Milliseconds of a detection](peers.svg)

""" + "\n".join(tables)
    (output / "peers.md").write_text(text)
    (output / "peers.svg").write_text(chart(sections))
    print(text)


if __name__ == "__main__":
    main()
