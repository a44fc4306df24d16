"""The engines that scripts/bench-peers compares: each is called with what it computes on, two threads each."""
import http.client
import io
import json
import os
import pathlib
import re
import subprocess

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np
import torch
from PIL import Image

THREADS = 2


def torch_call(module):
    def call(*inputs):
        with torch.inference_mode():
            return module(*inputs)
    return call


def onnxruntime_call(path):
    # Here, because what PyTorch takes alone is measured as well.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda value: [torch.from_numpy(o) for o in session.run(None, {"input": value.numpy()})]


def openvino_call(model, core, precision=None):
    """`precision` is "f32" or "bf16". Without one OpenVINO takes bf16 by itself on a CPU that has it."""
    settings = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY"}
    if precision:
        settings["INFERENCE_PRECISION_HINT"] = precision
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda value: [torch.from_numpy(np.array(o)) for o in request.infer([value.numpy()]).values()]


def has_bfloat16():
    """Whether the CPU multiplies bfloat16."""
    return "avx512_bf16" in pathlib.Path("/proc/cpuinfo").read_text()


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

    def __call__(self, data, path="/detect"):
        self.connection.request("POST", path, data, {"Content-Type": "image/jpeg"})
        response = self.connection.getresponse()
        body = response.read()
        assert response.status == 200, body[:300]
        return body

    def counts(self, data):
        """How many proposals and detections a picture has."""
        answer = json.loads(self(data, "/detect?max_proposals=1000"))
        return len(answer["proposals"]), len(answer["detections"])

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
