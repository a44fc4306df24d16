"""Ray Data over the same worker: PYTHONPATH=deploy/spark FRCNN=/path/to/frcnn python3 deploy/ray/detect.py FOLDER OUT"""
import json
import os
import sys

import ray
from worker import Worker


class Detect(Worker):
    def __call__(self, batch):
        batch["answer"] = [json.dumps(answer) for answer in self.answers(batch.pop("bytes"))]
        return batch


ray.init()
ray.data.read_binary_files(os.path.abspath(sys.argv[1]), include_paths=True).map_batches(
    Detect, fn_constructor_args=[os.environ.get("FRCNN", "frcnn")], batch_size=16, num_cpus=0.5,
    concurrency=int(ray.cluster_resources()["CPU"])).write_parquet(os.path.abspath(sys.argv[2]))
