"""Networks that their own code runs whole, from a picture to its boxes: torchvision's and Detectron2's C4.

    whole.py FOLDER NAME

As a program it runs one of them in PyTorch and prints the most memory that the process has taken, in bytes.
"""
import io
import json
import pathlib
import re
import subprocess
import sys

from runtimes import THREADS, Server, has_bfloat16, onnxruntime_call, openvino_call, picture, torch_call

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn, fasterrcnn_resnet50_fpn

import c4
from weights import balance, randomise, read, write

# Files are named by their model. The builder, what the backbone is fitted on, and frcnn's options.
MODELS = {
    "resnet50": (lambda: fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None), (800, 1088), []),
    "mobilenet": (lambda: fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None), (320, 448),
                  ["--profile", "torchvision-mobilenet-320-fpn"]),
    "c4": (c4.C4, (800, 1088), []),
}
SIZE = (600, 800)


def make(folder, name):
    """A model of random weights, and its file of them."""
    build, size, _ = MODELS[name]
    path = pathlib.Path(folder, f"{name}.safetensors")
    model = build()
    if path.exists():
        model.load_state_dict(read(path), strict=False)
        return model.eval()
    torch.manual_seed(2)
    image = torch.randn(1, 3, *size)
    if name == "c4":
        def run():
            model.roi_heads.res5(model.backbone(image)[:, :, :14, :14])
        randomise(model, run)
        rpn, box = model.proposal_generator.rpn_head, model.roi_heads.box_predictor
        layers = rpn.objectness_logits, rpn.anchor_deltas, box["cls_score"], box["bbox_pred"]
        metadata = {"frcnn": json.dumps({"profile": "detectron2-c4", "proposals": {"after_nms": c4.AFTER}})}
    else:
        randomise(model.backbone, lambda: model.backbone(image))
        for part in (model.rpn, model.roi_heads):
            for parameter in part.parameters():
                (nn.init.kaiming_normal_ if parameter.dim() > 1 else nn.init.zeros_)(parameter)
        rpn, box = model.rpn.head, model.roi_heads.box_predictor
        layers, metadata = (rpn.cls_logits, rpn.bbox_pred, box.cls_score, box.bbox_pred), {}
    engine = torch_engine(model.eval(), name)
    for layer, deviation in zip(layers, (1, 0.15, 2, 0.5)):
        balance(layer, deviation, lambda: engine(picture(*SIZE, 1)))
    # Detectron2's normalisation is frozen, and counts no batches.
    state = {n: t for n, t in model.state_dict().items() if name != "c4" or "num_batches" not in n}
    write(path, state, metadata)
    return model.eval()


def pixels(data):
    return torch.from_numpy(np.array(Image.open(io.BytesIO(data)).convert("RGB"))).permute(2, 0, 1).contiguous()


def answer(boxes, labels, scores, proposals=()):
    return json.dumps({"boxes": boxes.tolist(), "labels": labels.tolist(), "scores": scores.tolist(),
                       "proposals": proposals if isinstance(proposals, tuple) else proposals.tolist()})


def torch_engine(model, name):
    call = torch_call(model)
    if name == "c4":
        return lambda data: answer(*call(pixels(data)))
    # torchvision's own code gives no proposals back.
    return lambda data: (lambda r: answer(r["boxes"], r["labels"], r["scores"]))(call([pixels(data) / 255])[0])


def exported(model, folder, name, pictures, core):
    """A model of torchvision's as OpenVINO reads it, and in int8 by NNCF; both are kept in FOLDER."""
    import nncf
    import openvino

    plain, rounded = f"{folder}/{name}.xml", f"{folder}/{name}-int8.xml"
    inputs = [pixels(p) / 255 for p in pictures]
    if not pathlib.Path(plain).exists():
        path = f"{folder}/{name}.onnx"
        # The newer exporter does not get through torchvision's suppression.
        torch.onnx.export(model, ([inputs[0]],), path, input_names=["input"], opset_version=17, dynamo=False)
        # Written and read again, because NNCF stumbles over what the importer leaves behind.
        openvino.save_model(core.read_model(path), plain, compress_to_fp16=False)
    if not pathlib.Path(rounded).exists():
        data = nncf.Dataset([i.numpy() for i in inputs])
        quantized = nncf.quantize(core.read_model(plain), data, subset_size=len(inputs))
        openvino.save_model(quantized, rounded, compress_to_fp16=False)
    return core.read_model(plain), core.read_model(rounded)


def engines(program, folder, name):
    """The engines by name; the servers among them have to be ended."""
    model, flags = make(folder, name), ["--model", f"{folder}/{name}.safetensors", *MODELS[name][2]]
    result = {"PyTorch, fp32": torch_engine(model, name)}
    pictures = [picture(*SIZE, seed) for seed in range(2, 6)]
    if name != "c4":
        import openvino

        core = openvino.Core()
        network, quantized = exported(model, folder, name, pictures, core)

        def whole(call):
            return lambda data: answer(*call(pixels(data) / 255)[:3])

        result["ONNX Runtime, fp32"] = whole(onnxruntime_call(f"{folder}/{name}.onnx"))
        result["OpenVINO, fp32"] = whole(openvino_call(network, core, "f32"))
        if has_bfloat16():
            result["OpenVINO, bf16"] = whole(openvino_call(network, core, "bf16"))
        result["OpenVINO, int8 by NNCF"] = whole(openvino_call(quantized, core))
    samples = pathlib.Path(folder, "pictures")
    samples.mkdir(exist_ok=True)
    for index, data in enumerate(pictures):
        (samples / f"{index}.jpg").write_bytes(data)
    calibrated = f"{folder}/{name}-calibrated.safetensors"
    subprocess.run([program, "calibrate", *flags, "--images", samples, "--output", calibrated], check=True,
                   stdout=subprocess.DEVNULL)
    result["frcnn, fp32"] = Server(program, *flags)
    if has_bfloat16():
        result["frcnn, bf16"] = Server(program, *flags, "--precision", "bf16")
    result["frcnn, int8"] = Server(program, "--model", calibrated, "--precision", "int8")
    return result


def torch_peak(folder, name):
    """The most memory that a process with nothing but PyTorch and a model takes, in bytes."""
    done = subprocess.run([sys.executable, __file__, folder, name], check=True, capture_output=True, text=True)
    return int(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    engine = torch_engine(make(sys.argv[1], sys.argv[2]), sys.argv[2])
    for _ in range(3):
        engine(picture(*SIZE, 1))
    # Not what getrusage tells, which begins with the parent's.
    status = pathlib.Path("/proc/self/status").read_text()
    print(int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024)
