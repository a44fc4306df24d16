#!/usr/bin/env python3
"""Finds objects in as many pictures as there are, by Apache Spark, and writes them as Parquet.

    spark-submit --py-files deploy/spark/worker.py deploy/spark/detect.py PICTURES OUT
    spark-submit --py-files deploy/spark/worker.py deploy/spark/detect.py --paths TABLE OUT

PICTURES is a folder (or a bucket) that Spark reads as `binaryFile`, folders below it too; TABLE is Parquet, or text with a name a
line, whose column `path` names files that every worker can open. OUT gets a row a picture: `path`, `width`, `height`, `detections` (an
array of `label`, `class_id`, `score`, `x_min`, `y_min`, `x_max`, `y_max`), and `error` where the picture could not be worked on.

Each task slot has a process of the program (`--program`, on every worker), with as many threads as `spark.task.cpus`. A task
whose executor is lost is done again by another one, and the committer of Parquet takes one of them: nothing is lost and nothing is
there twice.
"""
import argparse
import collections
import os

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

SCHEMA = T.StructType([
    T.StructField("path", T.StringType(), False),
    T.StructField("width", T.IntegerType()),
    T.StructField("height", T.IntegerType()),
    T.StructField("detections", T.ArrayType(T.StructType([
        T.StructField("label", T.StringType()),
        T.StructField("class_id", T.IntegerType()),
        T.StructField("score", T.FloatType()),
        T.StructField("x_min", T.FloatType()),
        T.StructField("y_min", T.FloatType()),
        T.StructField("x_max", T.FloatType()),
        T.StructField("y_max", T.FloatType()),
    ]))),
    T.StructField("error", T.StringType()),
])


def row(path, answer):
    """A row of the table of what the program answered."""
    if "error" in answer:
        return path, None, None, None, answer["error"]["detail"]
    # JSON has one kind of number: a whole one comes as an int.
    found = [(d["label"], d["class_id"], *map(float, [d["score"], *d["box"]])) for d in answer["detections"]]
    return path, answer["image"]["width"], answer["image"]["height"], found, None


def read(path):
    """The bytes of a file; none where it cannot be read, which the program says."""
    try:
        with open(path.removeprefix("file:"), "rb") as file:
            return file.read()
    except OSError:
        return b""


def partition(program, threads, options):
    def work(rows):
        from worker import shared
        names = collections.deque()

        def pictures():
            for item in rows:
                names.append(item["path"])
                yield bytes(item["content"]) if "content" in item else read(item["path"])

        # Spark gives a slot's tasks to the same Python, one after the other: the model is read once.
        for answer in shared(program, threads, tuple(options)).answers(pictures()):
            yield row(names.popleft(), answer)

    return work


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="?", help="a folder of pictures")
    parser.add_argument("out", help="the Parquet table to write")
    parser.add_argument("--paths", metavar="TABLE", help="a table of file names instead of a folder")
    parser.add_argument("--pattern", default="*.{jpg,jpeg,png,JPG,JPEG,PNG}", help="which files of the folder are pictures")
    parser.add_argument("--program", default=os.environ.get("FRCNN", "frcnn"), help="the program, on every worker")
    parser.add_argument("--partitions", type=int, help="how many tasks; a task that is lost is done again as a whole")
    parser.add_argument("--option", action="append", default=[], help="an option for the program, as --option=--model=/m.safetensors")
    arguments = parser.parse_args()
    spark = SparkSession.builder.appName("frcnn").getOrCreate()
    if arguments.paths:
        if arguments.paths.endswith(".txt"):
            pictures = spark.read.text(arguments.paths).select(F.col("value").alias("path"))
        else:
            pictures = spark.read.parquet(arguments.paths).select("path")
        pictures = pictures.repartition(arguments.partitions or 4 * spark.sparkContext.defaultParallelism)
    else:
        pictures = (spark.read.format("binaryFile").option("pathGlobFilter", arguments.pattern)
                    .option("recursiveFileLookup", "true").load(arguments.pictures).select("path", "content"))
        if arguments.partitions:
            pictures = pictures.coalesce(arguments.partitions)
    threads = int(spark.conf.get("spark.task.cpus", "1"))
    found = pictures.rdd.mapPartitions(partition(arguments.program, threads, arguments.option))
    spark.createDataFrame(found, SCHEMA).write.mode("errorifexists").parquet(arguments.out)
    spark.stop()


if __name__ == "__main__":
    main()
