"""Every call of tritonclient's HTTP clients, sync and asyncio, against a running server.

    tritonclient_calls.py HOST:PORT PICTURE

Needs tritonclient[http] and numpy. It ends with 0 where each call did what it should: answers agree
with each other, and what the server leaves out raises the client's own exception.
"""
import asyncio
import json
import sys
import urllib.request

import numpy
import tritonclient.http as sync_client
import tritonclient.http.aio as async_client
from tritonclient.utils import InferenceServerException

ADDRESS, PICTURE = sys.argv[1], sys.argv[2]
OUTPUTS = ["boxes", "scores", "labels", "proposals", "objectness"]
picture = open(PICTURE, "rb").read()
passed = 0


def check(what, condition):
    global passed
    if not condition:
        sys.exit(f"tritonclient: {what}: not as it should be")
    passed += 1


def inputs(module, binary):
    # BYTES as JSON is text: base64. numpy drops no bytes of an object array.
    import base64
    data = picture if binary else base64.b64encode(picture)
    tensor = module.InferInput("image", [1], "BYTES")
    tensor.set_data_from_numpy(numpy.array([data], dtype=numpy.object_), binary_data=binary)
    return [tensor]


def outputs(module, binary):
    return [module.InferRequestedOutput(name, binary_data=binary) for name in OUTPUTS]


def wanted():
    """What /detect says of the same picture."""
    request = urllib.request.Request(f"http://{ADDRESS}/detect", data=picture)
    answer = json.load(urllib.request.urlopen(request))
    numbers = {
        "boxes": [d["box"] for d in answer["detections"]],
        "scores": [d["score"] for d in answer["detections"]],
        "labels": [d["class_id"] for d in answer["detections"]],
        "proposals": [p["box"] for p in answer["proposals"]],
        "objectness": [p["objectness"] for p in answer["proposals"]],
    }
    types = {"labels": numpy.int64}
    return {k: numpy.array(v, dtype=types.get(k, numpy.float32)) for k, v in numbers.items()}


def check_result(what, result, reference):
    for name in OUTPUTS:
        check(f"{what}: {name}", numpy.array_equal(result.as_numpy(name), reference[name]))


def variants():
    for sends_binary in (True, False):
        for takes_binary in (True, False, None):
            yield sends_binary, takes_binary


CODINGS = [(None, None)] + ([("gzip", "gzip"), ("deflate", "deflate"), ("gzip", None), (None, "gzip"),
                             (None, "deflate")] if "--codings" in sys.argv else [])


def run_sync(reference):
    client = sync_client.InferenceServerClient(ADDRESS)
    model = client.get_model_repository_index()[0]["name"]
    check("is_server_live", client.is_server_live())
    check("is_server_ready", client.is_server_ready())
    check("is_model_ready", client.is_model_ready(model))
    check("is_model_ready of no model", not client.is_model_ready("no model"))
    check("get_server_metadata", client.get_server_metadata()["name"] == "frcnn")
    metadata = client.get_model_metadata(model)
    check("get_model_metadata", {o["name"] for o in metadata["outputs"]} >= set(OUTPUTS))
    check("get_model_config", client.get_model_config(model)["name"] == model)
    version = metadata["versions"][0]
    check("get_model_metadata of a version", client.get_model_metadata(model, version)["name"] == model)
    before = client.get_inference_statistics(model)["model_stats"][0]["inference_count"]
    count = 0
    for sends_binary, takes_binary in variants():
        for request, response in CODINGS:
            result = client.infer(
                model, inputs(sync_client, sends_binary), request_id="42",
                outputs=None if takes_binary is None else outputs(sync_client, takes_binary),
                request_compression_algorithm=request, response_compression_algorithm=response)
            count += 1
            check_result(f"infer {sends_binary, takes_binary, request, response}", result, reference)
            check("the request's id", result.get_response()["id"] == "42")
    after = client.get_inference_statistics()["model_stats"][0]["inference_count"]
    check("get_inference_statistics", after == before + count)
    none = client.infer(model, inputs(sync_client, True), parameters={"score_threshold": 1.0})
    check("a parameter", none.as_numpy("boxes").shape == (0, 4))
    for name, call in {
        "load_model": lambda: client.load_model(model),
        "unload_model": lambda: client.unload_model(model),
        "get_system_shared_memory_status": client.get_system_shared_memory_status,
        "register_system_shared_memory": lambda: client.register_system_shared_memory("a", "/a", 16),
        "get_cuda_shared_memory_status": client.get_cuda_shared_memory_status,
        "get_trace_settings": client.get_trace_settings,
        "update_trace_settings": lambda: client.update_trace_settings(settings={"trace_level": ["OFF"]}),
        "get_log_settings": client.get_log_settings,
        "infer of no model": lambda: client.infer("no model", inputs(sync_client, True)),
        "infer with a wrong parameter": lambda: client.infer(
            model, inputs(sync_client, True), parameters={"treshold": 1}),
    }.items():
        try:
            call()
        except InferenceServerException as error:
            check(name, len(error.message()) > 10)
        else:
            check(f"{name} was not refused", False)
    client.close()
    return model


async def run_async(model, reference):
    client = async_client.InferenceServerClient(ADDRESS)
    check("aio is_server_live", await client.is_server_live())
    check("aio is_server_ready", await client.is_server_ready())
    check("aio is_model_ready", await client.is_model_ready(model))
    check("aio get_server_metadata", (await client.get_server_metadata())["name"] == "frcnn")
    check("aio get_model_metadata", (await client.get_model_metadata(model))["name"] == model)
    check("aio get_model_config", (await client.get_model_config(model))["name"] == model)
    check("aio get_inference_statistics", (await client.get_inference_statistics(model))["model_stats"])
    check("aio get_model_repository_index", await client.get_model_repository_index())
    for sends_binary, takes_binary in variants():
        for request, response in CODINGS:
            result = await client.infer(
                model, inputs(async_client, sends_binary),
                outputs=None if takes_binary is None else outputs(async_client, takes_binary),
                request_compression_algorithm=request, response_compression_algorithm=response)
            check_result(f"aio infer {sends_binary, takes_binary, request, response}", result, reference)
    try:
        await client.load_model(model)
    except InferenceServerException:
        check("aio load_model", True)
    else:
        check("aio load_model was not refused", False)
    await client.close()


reference = wanted()
model = run_sync(reference)
asyncio.run(run_async(model, reference))
print(f"tritonclient: {passed} checks passed")
