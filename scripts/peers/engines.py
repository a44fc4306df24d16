"""What scripts/bench-peers runs: whole detections by frcnn and by other engines, interleaved.

    engines.py FRCNN FOLDER OUTPUT ROUNDS [CASE...]

FOLDER holds vgg16.safetensors; models and pictures are made there. frcnn is asked over HTTP, from the
JPEG's bytes to the JSON's. Two threads each. Runs the cases that are named, of vgg16, embedded, resnet50, mobilenet
and c4, or all; once all have been run in FOLDER it writes OUTPUT/peers.md and OUTPUT/peers.svg.
"""
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

from runtimes import THREADS, Server, picture

import nncf
import onnxruntime
import openvino
import torch
import torchvision

import vgg
import whole


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


def precision(name):
    return next(p for p in ("int8", "bf16", "fp32") if p in name)


def rows(times, peaks):
    """The engines from the fastest on, each beside the fastest peer of its own precision and of fp32."""
    medians = {name: statistics.median(t) for name, t in times.items()}

    def fastest(kind):
        peers = [n for n in medians if "frcnn" not in n and precision(n) == kind]
        return min(peers, key=medians.get, default=None)

    def ratio(name, peer):
        return statistics.median(a / b for a, b in zip(times[name], times[peer])) if peer else None

    result = [(name, median, min(times[name]), ratio(name, fastest(precision(name))), ratio(name, fastest("fp32")),
               peaks.get(name)) for name, median in sorted(medians.items(), key=lambda e: e[1])]
    return fastest("fp32"), result


def table(fastest, rows):
    text = (f"| engine | median, ms | best, ms | against its precision's fastest peer | against {fastest} | "
            "peak memory, MB |\n|---|---:|---:|---:|---:|---:|\n")
    for name, median, best, own, ratio, peak in rows:
        shown = f"**{name}**" if "frcnn" in name else name
        text += (f"| {shown} | {median:,.0f} | {best:,.0f} | {f'{own:.2f}' if own else ''} | {ratio:.2f} | "
                 f"{f'{peak / 1e6:,.0f}' if peak else ''} |\n")
    return text


def chart(sections):
    """Horizontal bars, a group for each model, as SVG that needs nothing else."""
    width, left, bar = 760, 230, 22
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


def cases(program, folder):
    """For each case its title, what makes its engines, the picture's size and the rounds for each of the others'."""
    def embedded():
        path = f"{folder}/embedded.safetensors"
        sample = pathlib.Path(folder, "one")
        sample.mkdir(exist_ok=True)
        (sample / "0.jpg").write_bytes(picture(480, 640, 1))
        subprocess.run([program, "calibrate", "--images", sample, "--output", path], check=True,
                       stdout=subprocess.DEVNULL)
        return vgg.engines(program, folder, path, (480, 640), (2.5, 6, 12), [])

    def vgg16():
        path = f"{folder}/vgg16.safetensors"
        return vgg.engines(program, folder, path, (600, 800), (8, 16, 32), ["--model", path])

    def model(name):
        return lambda: whole.engines(program, folder, name)

    return {
        "vgg16": ("VGG16, 600x800, 21 classes", vgg16, (600, 800), 1),
        "embedded": ("The embedded model, 480x640", embedded, (480, 640), 3),
        "resnet50": ("torchvision's fasterrcnn_resnet50_fpn, 600x800 (800x1066 inside)", model("resnet50"),
                     whole.SIZE, 1),
        "mobilenet": ("torchvision's fasterrcnn_mobilenet_v3_large_320_fpn, 600x800 (320x426 inside)",
                      model("mobilenet"), whole.SIZE, 3),
        "c4": ("Detectron2's R50-C4, 600x800 (800x1067 inside)", model("c4"), whole.SIZE, 1),
    }


def run(program, folder, name, rounds):
    """Measures a case, and keeps the figures in FOLDER."""
    title, make, size, factor = cases(program, folder)[name]
    chosen = make()
    servers = {n: e for n, e in chosen.items() if isinstance(e, Server)}
    data = picture(*size, 1)
    proposals, detections = servers["frcnn, fp32"].counts(data)
    title = f"{title}: {proposals} proposals, {detections} detections"
    times = measure(chosen, data, factor * rounds)
    peaks = {n: server.peak() for n, server in servers.items()}
    for server in servers.values():
        server.end()
    if name in whole.MODELS:
        peaks["PyTorch, fp32"] = whole.torch_peak(folder, name)
    fastest, result = rows(times, peaks)
    print(f"## {title}\n\n{table(fastest, result)}", flush=True)
    figures = {"title": title, "fastest": fastest, "rows": result, "rounds": rounds}
    pathlib.Path(folder, f"{name}.figures.json").write_text(json.dumps(figures))


def report(folder, output, names):
    """Writes the document and the chart, where all cases have been measured."""
    paths = [pathlib.Path(folder, f"{name}.figures.json") for name in names]
    if not all(path.exists() for path in paths):
        return
    figures = [json.loads(path.read_text()) for path in paths]
    sections = [(f["title"], f["rows"]) for f in figures]
    tables = [f"## {f['title']}\n\n{table(f['fastest'], f['rows'])}" for f in figures]
    rounds = min(f["rounds"] for f in figures)
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    text = f"""# Beside other engines

Whole detections, from a JPEG's bytes to JSON: the same weights, the same picture, {THREADS} threads. The engines of a table
took turns in one run; medians of {rounds} rounds (the small models: {3 * rounds}), and the median of each round's ratio. Peers run inside
Python; frcnn is asked over HTTP. Each engine was asked for the precision that is stated: left to itself, OpenVINO takes
bf16 on a CPU that has it, as it does for what int8 leaves over. Peak memory is that of a process with nothing else in it.
Made by `scripts/bench-peers`.

VGG16 and the embedded model: peers run their networks, with torchvision's compiled kernels around
them. torchvision's models run whole, in its own code or as exported to ONNX. R50-C4 is Detectron2's graph in plain PyTorch
with torchvision's kernels. All weights are random, but for the embedded model's; scores and boxes of torchvision's and
Detectron2's are balanced, so that proposals and detections are as many as they may be.

{model}, {os.cpu_count()} cores; {datetime.date.today()}; PyTorch {torch.__version__.split("+")[0]}, torchvision \
{torchvision.__version__.split("+")[0]}, ONNX Runtime {onnxruntime.__version__}, OpenVINO \
{openvino.__version__.split("-")[0]}, NNCF {nncf.__version__}, Python {platform.python_version()}.

![Milliseconds of a detection](peers.svg)

""" + "\n".join(tables)
    (output / "peers.md").write_text(text)
    (output / "peers.svg").write_text(chart(sections))


def main():
    program, folder, output, rounds = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(THREADS)
    names = list(cases(program, folder))
    for name in sys.argv[5:] or names:
        run(program, folder, name, rounds)
    report(folder, output, names)


if __name__ == "__main__":
    main()
