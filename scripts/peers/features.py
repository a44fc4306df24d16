"""What scripts/bench-features compares with: json.loads and numpy.array, and numpy.load.

    features.py FOLDER RUNS

Writes FOLDER/features.json and FOLDER/features.npy, a 512 x 37 x 50 map of rectified noise, half of it
zeros, as a backbone's is, and prints the median milliseconds of reading each. Needs numpy.
"""
import io
import json
import pathlib
import statistics
import sys
import time

import numpy

folder, runs = pathlib.Path(sys.argv[1]), int(sys.argv[2])
noise = numpy.random.default_rng(5).standard_normal((512, 37, 50), dtype=numpy.float32)
features = numpy.maximum(noise, 0)
numpy.save(folder / "features.npy", features)
# As Python writes a float32: through float64, with up to 17 digits.
text = json.dumps(
    {"features": {"shape": list(features.shape), "datatype": "FP32", "data": features.ravel().tolist()},
     "image_size": [600, 800], "scale": 1.25})
(folder / "features.json").write_text(text)


def median(read):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        read()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


body = text.encode()
saved = (folder / "features.npy").read_bytes()
print(f"json.loads + numpy.array {median(lambda: numpy.array(json.loads(body)['features']['data'], dtype=numpy.float32)):.2f}")
print(f"numpy.load {median(lambda: numpy.load(io.BytesIO(saved))):.2f}")
print(f"memory copy of the tensor {median(lambda: features.copy()):.2f}")
