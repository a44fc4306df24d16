"""What check-contract loads into schemathesis: real bodies and requests, and checks of our own.

Most of the fuzzed cases of the routes that take pictures are made here: whole requests of every door (raw,
form, JSON, lists, features, /explain with a place, and the Open Inference Protocol's JSON, binary and raw
ones), most of them sound, some of them damaged. The others are schemathesis' own. A request that is sound
carries an X-Request-ID that says so, and has to be answered 200.
"""

import base64
import io
import json
import os
import re
import struct
import urllib.request

import numpy
import schemathesis
from hypothesis import strategies as st
from PIL import Image

MODEL = "bloodcell"
BASE = os.environ["FRCNN_CHECK_BASE"]
TALLY = os.environ["FRCNN_CHECK_TALLY"]
SOUND = "sound-"
ROUTES = ("/detect", "/proposals", "/explain", "/v2/models/{model}/infer",
          "/v2/models/{model}/versions/{version}/infer")


# MARK: Bodies

def picture(generator, mode, form, **options):
    width, height = int(generator.integers(8, 64)), int(generator.integers(8, 64))
    shape = (height, width) if mode in ("L", "1") else (height, width, len(mode))
    pixels = generator.integers(0, 256, shape, dtype=numpy.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels, mode).save(file, form, **options)
    return file.getvalue()


def npy(values):
    file = io.BytesIO()
    numpy.save(file, values)
    return file.getvalue()


def safetensors(values, metadata=None):
    data = values.astype("<f4").tobytes()
    header = {"features": {
        "dtype": "F32", "shape": list(values.shape), "data_offsets": [0, len(data)]}}
    if metadata:
        header["__metadata__"] = metadata
    header = json.dumps(header).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data


generator = numpy.random.default_rng(7)
exif = Image.Exif()
exif[0x0112] = 6
JPEG = [picture(generator, mode, "JPEG", **options)
        for mode in ("RGB", "L", "CMYK") for options in ({}, {"progressive": True}, {"quality": 30})]
JPEG.append(picture(generator, "RGB", "JPEG", exif=exif))
PNG = [picture(generator, mode, "PNG") for mode in ("RGB", "RGBA", "L", "LA") for _ in range(2)]
OTHERS = [picture(generator, "RGB", form) for form in ("WEBP", "TIFF", "BMP")]
OTHERS.append(picture(generator, "L", "GIF"))
WHOLE = JPEG + PNG + OTHERS
# What the server may fetch from itself.
LINK = BASE + "/example.jpg"

# How many channels features have is the model's affair: the server is asked.
with urllib.request.urlopen(urllib.request.Request(
        BASE + "/detect?include=features", data=PNG[0]), timeout=60) as answer:
    CHANNELS = json.load(answer)["features"]["shape"][0]
MAPS = [generator.standard_normal((CHANNELS, rows, columns)).astype("<f4")
        for rows, columns in ((1, 1), (2, 3), (4, 2), (5, 5))]

pictures = st.sampled_from(WHOLE)
maps = st.sampled_from(MAPS)
damaged = st.builds(lambda body, at: body[: at % max(len(body), 1)], pictures, st.integers(0, 1 << 16))


def text_of(body):
    return base64.b64encode(body).decode()


texts = st.one_of(
    pictures.map(text_of), pictures.map(lambda body: "data:image/jpeg;base64," + text_of(body)))


# MARK: What schemathesis makes of the description alone

def or_random(real):
    return st.one_of(real, real, damaged, st.binary(max_size=200))


for name in ("image/jpeg", "image/png", "application/octet-stream"):
    schemathesis.openapi.media_type(name, or_random(pictures))
schemathesis.openapi.media_type("application/x-npy", or_random(maps.map(npy)))
schemathesis.openapi.media_type("application/vnd.safetensors", or_random(maps.map(safetensors)))
schemathesis.openapi.format("base64", st.one_of(texts, st.text(max_size=30)))


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    # No other model is served, and 404 for all would show nothing.
    if path_parameters and "model" in path_parameters and len(str(path_parameters["model"])) % 4:
        path_parameters["model"] = MODEL
        if "version" in path_parameters:
            path_parameters["version"] = "1"
    return path_parameters


@schemathesis.hook
def map_headers(context, headers):
    # A deadline of a millisecond, which is what it tends to, ends nearly every request with 504.
    value = str((headers or {}).get("X-Request-Timeout-Ms", ""))
    if value.isdigit() and 0 < int(value) < 1000 and int(value) % 5:
        headers["X-Request-Timeout-Ms"] = "20000"
    return headers


# MARK: Whole requests

share = st.integers(0, 1000).map(lambda value: str(value / 1000))
flags = st.sampled_from(["true", "false"])
PROPOSAL_CHOICES = {
    "max_proposals": st.integers(0, 1000).map(str),
    "box_format": st.sampled_from(["xyxy", "yxyx", "xywh", "cxcywh"]),
    "normalized": flags,
    "orientation": st.sampled_from(["exif", "ignore"]),
    "timeout_ms": st.just("60000"),
    "rpn_pre_nms_top_n": st.integers(1, 6000).map(str),
    "rpn_post_nms_top_n": st.integers(1, 300).map(str),
    "rpn_nms_threshold": share,
    "rpn_min_size": st.integers(0, 64).map(str),
}
OBJECT_CHOICES = {
    "score_threshold": share,
    "nms_threshold": share,
    "max_detections": st.integers(0, 300).map(str),
    "classes": st.sampled_from(["0", "WBC", "RBC,2", "Platelets"]),
    "class_agnostic_nms": flags,
}


def choices(path, is_batch=False):
    """Parameters that are all right."""
    table = dict(PROPOSAL_CHOICES)
    parts = ["proposals", "model", "image", "timings", "features"]
    if path != "/proposals":
        table |= OBJECT_CHOICES
        parts.append("detections")
    if path in ("/detect", "/proposals"):
        table["include"] = st.lists(st.sampled_from(parts), min_size=1, unique=True).map(",".join)
        formats = ["json", "ndjson"] if is_batch else ["json", "safetensors", "ndjson"]
        table["format"] = st.sampled_from(formats + (["coco"] if path == "/detect" else []))
    if path == "/detect":
        table["image_id"] = st.integers(0, 10**6).map(str)
    if path == "/explain":
        del table["max_proposals"]
        table["nearest"] = st.integers(1, 100).map(str)
    return st.lists(st.sampled_from(sorted(table)), max_size=4, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: table[name] for name in names}))


def places(path):
    if path != "/explain":
        return st.just({})
    edges = st.lists(st.integers(0, 70), min_size=2, max_size=2, unique=True).map(sorted)
    return st.one_of(
        st.tuples(edges, edges).map(
            lambda sides: {"box": f"{sides[0][0]},{sides[1][0]},{sides[0][1]},{sides[1][1]}"}),
        st.tuples(st.integers(0, 70), st.integers(0, 70)).map(
            lambda point: {"point": f"{point[0]},{point[1]}"}))


def sizes(values):
    return {"image_size": f"{16 * values.shape[1]},{16 * values.shape[2]}", "scale": "1.5"}


def request(media_type, body, query, fields=None, sound=True):
    return {"media_type": media_type, "body": body, "query": query, "fields": fields or {},
            "sound": sound}


def with_choices(path, bodies, is_batch=False):
    """bodies: of (content type, body, query, fields)."""
    return st.builds(
        lambda body, chosen, place: request(
            body[0], body[1], {**chosen, **place, **body[2]}, body[3]),
        bodies, choices(path, is_batch), places(path))


def detector_requests(path):
    raw = st.one_of(
        st.sampled_from(JPEG).map(lambda body: ("image/jpeg", body, {}, {})),
        st.sampled_from(PNG).map(lambda body: ("image/png", body, {}, {})),
        pictures.map(lambda body: ("application/octet-stream", body, {}, {})))
    form = pictures.map(lambda body: ("multipart/form-data", {"image": [body]}, {}, {}))
    json_picture = texts.map(lambda text: ("application/json", {"image": text}, {}, {}))
    json_link = st.just(("application/json", {"url": LINK}, {}, {}))
    json_features = maps.map(lambda values: ("application/json", {
        "features": {"shape": list(values.shape), "datatype": "FP32",
                     "data": [round(float(value), 4) for value in values.ravel()]},
        "image_size": [16 * values.shape[1], 16 * values.shape[2]], "scale": 1.5}, {}, {}))
    feature_files = st.one_of(
        maps.map(lambda values: ("application/x-npy", npy(values), sizes(values), {})),
        maps.map(lambda values: (
            "application/vnd.safetensors", safetensors(values, sizes(values)), {}, {})))
    strategies = [with_choices(path, one)
                  for one in (raw, form, json_picture, json_link, json_features, feature_files)]
    if path != "/explain":
        several = st.one_of(
            st.lists(texts, min_size=1, max_size=3).map(
                lambda all: ("application/json", {"images": all}, {}, {})),
            st.lists(pictures, min_size=2, max_size=3).map(
                lambda all: ("multipart/form-data", {"file": all}, {}, {})),
            st.integers(1, 3).map(lambda count: ("application/json", {"urls": [LINK] * count}, {}, {})))
        strategies.append(with_choices(path, several, is_batch=True))
        # One of several is broken: the others are answered all the same.
        strategies.append(damaged.map(lambda body: request(
            "application/json", {"images": [text_of(JPEG[0]), text_of(body)]}, {})))
    # A URL that is fetched from nobody, or is none.
    strategies.append(st.sampled_from([
        "http://example.org/a.jpg", "http://127.0.0.1:1/a.jpg", "http://169.254.169.254/", "file:///etc/passwd",
        LINK.replace("http", "https"), LINK + "x", "", "http://[::1]/", BASE + "/docs"]).map(
            lambda url: request("application/json", {"url": url}, {}, sound=False)))
    strategies.append(st.builds(
        lambda one, cut: request("application/json", {"image": text_of(one)[:cut]}, {}, sound=False),
        pictures, st.integers(0, 400)))
    strategies.append(st.builds(
        lambda values, count: request(
            "application/json",
            {"features": {"shape": list(values.shape), "data": [0.5] * count}, **sizes(values)}, {},
            sound=False),
        maps, st.integers(0, 40)))
    return st.one_of(strategies)


OUTPUTS = ["boxes", "scores", "labels", "proposals", "objectness", "proposal_indices",
           "detection_counts", "proposal_counts"]
asked = st.one_of(st.just(None), st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(OUTPUTS)},
        optional={"parameters": st.sampled_from([{}, {"binary_data": True}, {"binary_data": False}])}),
    min_size=1, max_size=4))
wishes = st.fixed_dictionaries({}, optional={
    "binary_data_output": st.booleans(), "score_threshold": st.integers(0, 10).map(lambda n: n / 10),
    "timeout": st.just(60_000_000), "priority": st.integers(0, 5), "sequence_id": st.just(7),
    "triton_enable_empty_final_response": st.booleans()})


def inference_requests(path):
    def of_json(input, outputs, parameters, query):
        body = {"inputs": [input], "parameters": parameters, "id": "7"}
        if outputs is not None:
            body["outputs"] = outputs
        return request("application/json", body, query)

    def pixels(rows, columns):
        values = generator.integers(0, 256, rows * columns * 3).tolist()
        return {"name": "image", "datatype": "UINT8", "shape": [rows, columns, 3], "data": values}

    inputs = st.one_of(
        st.lists(texts, min_size=1, max_size=3).map(lambda all: {
            "name": "image", "datatype": "BYTES", "shape": [len(all)], "data": all}),
        st.builds(pixels, st.integers(4, 12), st.integers(4, 12)),
        maps.map(lambda values: {
            "name": "features", "datatype": "FP32", "shape": list(values.shape),
            "data": [round(float(value), 4) for value in values.ravel()],
            "parameters": {"image_size": sizes(values)["image_size"], "scale": 1.5}}))

    def of_bytes(kind, outputs, parameters):
        name, datatype, shape, data, own = kind
        header = {"inputs": [{"name": name, "datatype": datatype, "shape": shape, "parameters": {
            "binary_data_size": len(data), **own}}], "parameters": parameters}
        if outputs is not None:
            header["outputs"] = outputs
        head = json.dumps(header).encode()
        return request("application/octet-stream", head + data, {},
                       {"Inference-Header-Content-Length": str(len(head))})

    binaries = st.one_of(
        st.lists(pictures, min_size=1, max_size=3).map(lambda all: (
            "image", "BYTES", [len(all)], b"".join(struct.pack("<I", len(one)) + one for one in all), {})),
        maps.map(lambda values: (
            "features", "FP32", list(values.shape), values.tobytes(), sizes(values))),
        st.just(("image", "UINT8", [9, 7, 3], bytes(9 * 7 * 3), {})))
    # The parameters of the request and those of the query may not say the same thing twice.
    query = choices(path).map(lambda chosen: {
        key: value for key, value in chosen.items() if key != "score_threshold"})
    raw = st.builds(lambda body, chosen: request(
        "application/octet-stream", body, chosen, {"Inference-Header-Content-Length": "0"}),
        pictures, query)
    broken = st.builds(lambda input, name: request(
        "application/json", {"inputs": [{**input, "datatype": name}]}, {}, sound=False),
        inputs, st.sampled_from(["FP16", "BOOL", "BYTES ", "INT8"]))
    return st.one_of(st.builds(of_json, inputs, asked, wishes, query),
                     st.builds(of_bytes, binaries, asked, wishes), raw, broken)


def spoilt(requests):
    """The same with a parameter too many, or one that says anything."""
    names = st.one_of(st.sampled_from(sorted({**PROPOSAL_CHOICES, **OBJECT_CHOICES})), st.text(max_size=8))
    return st.builds(
        lambda one, name, value: {**one, "query": {**one["query"], name: value}, "sound": False},
        requests, names, st.text(max_size=12))


def requests_of(path):
    requests = (inference_requests if "infer" in path else detector_requests)(path)
    return st.one_of(requests, requests, requests, spoilt(requests))


REQUESTS = {path: requests_of(path) for path in ROUTES}


@schemathesis.hook
def before_generate_case(context, strategy):
    path = context.operation.path
    if path not in ROUTES:
        return strategy

    def make(case, real, is_real, number):
        if not is_real:
            return case
        case.media_type = real["media_type"]
        case.body = real["body"]
        case.query = dict(real["query"])
        if "{model}" in path:
            case.path_parameters = {"model": MODEL}
        if "{version}" in path:
            case.path_parameters["version"] = "1"
        case.headers = dict(real["fields"])
        if real["sound"]:
            case.headers["X-Request-ID"] = f"{SOUND}{number}"
        return case

    is_real = st.integers(0, 3).map(bool)
    return st.builds(make, strategy, REQUESTS[path], is_real, st.integers(0, 10**6))


# MARK: Checks

def is_sound(case):
    return str((case.headers or {}).get("X-Request-ID", "")).startswith(SOUND)


@schemathesis.check
def tally(ctx, response, case):
    """Takes note of each case; no check, but called for all of them."""
    line = f"{case.method}\t{case.path}\t{response.status_code}\t{int(is_sound(case))}\t{case.media_type or ''}\n"
    with open(TALLY, "a") as file:
        file.write(line)


@schemathesis.check
def sound_requests_are_answered(ctx, response, case):
    """A request with nothing wrong in it is never refused."""
    if is_sound(case) and case.method == "POST":
        assert response.status_code == 200, (
            f"a sound request was answered {response.status_code}: {response.content[:300]!r}")


def safetensors_of(content):
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__")
    sizes = {"F32": 4, "I64": 8}
    for tensor in header.values():
        start, end = tensor["data_offsets"]
        assert end - start == sizes[tensor["dtype"]] * int(numpy.prod(tensor["shape"]))
    assert 8 + length + max([0] + [one["data_offsets"][1] for one in header.values()]) == len(content)


@schemathesis.check
def binary_answers_are_what_they_say(ctx, response, case):
    """Pictures can be decoded, tensors are whole, and the protocol's binary data are as long as stated."""
    if response.status_code != 200 or case.method != "POST":
        return
    kind = (response.headers.get("content-type") or [""])[0]
    if kind.startswith("image/"):
        with Image.open(io.BytesIO(response.content)) as image:
            image.load()
    elif kind == "application/vnd.safetensors":
        safetensors_of(response.content)
    elif kind == "application/x-ndjson":
        lines = [json.loads(line) for line in response.content.splitlines()]
        assert [line["index"] for line in lines] == list(range(len(lines))) and lines
    elif kind == "application/octet-stream":
        length = int(response.headers["inference-header-content-length"][0])
        outputs = json.loads(response.content[:length])["outputs"]
        sizes = [one["parameters"]["binary_data_size"] for one in outputs if "parameters" in one]
        assert length + sum(sizes) == len(response.content)


@schemathesis.check
def methods_that_do_not_fit_are_refused(ctx, response, case):
    """405 names the methods that fit; 501 is for those that no path knows, and for models that are fixed."""
    known = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
    if response.status_code == 405:
        assert case.method in known and "allow" in response.headers
    is_control = case.method == "POST" and re.fullmatch(r"/v2/repository/models/.*/(load|unload)", case.path)
    if case.method not in known:
        assert response.status_code == 501
    elif response.status_code == 501:
        assert is_control, "only loading and unloading can be no part of the server"


@schemathesis.check
def problems_are_whole(ctx, response, case):
    """Every problem says its status and carries the request's identifier in body and header."""
    kind = (response.headers.get("content-type") or [""])[0]
    if kind.startswith("application/problem+json") and case.method != "HEAD":
        body = json.loads(response.content)
        assert body["status"] == response.status_code
        assert body["error"] == body["detail"]
        assert [body["request_id"]] == response.headers["x-request-id"]
