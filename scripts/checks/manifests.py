"""Validates what deploy/kubernetes is built to, and that copies with a mistake are refused; see scripts/check-manifests."""
import copy
import json
import os
import pathlib
import re
import subprocess
import sys

import kserve.models
import kubernetes.client.models
import kubernetes_validate
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject
from cloudcoil.models.prometheus_operator.v1 import ServiceMonitor

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = TOP / "deploy/kubernetes"


class Refused(Exception):
    """A manifest is not what its kind's definition says."""


def built(folder):
    text = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=True).stdout
    return list(yaml.safe_load_all(text))


# MARK: Definitions

def by_schema(document):
    try:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        raise Refused(str(error).splitlines()[0]) from error


def by_pydantic(model):
    def check(document):
        try:
            read = model.model_validate(document)
        except ValueError as error:
            raise Refused(" ".join(str(error).split())[:200]) from error
        # What the model does not know it leaves out.
        kept = json.loads(read.model_dump_json(by_alias=True, exclude_unset=True))
        if kept != document:
            raise Refused(f"members that the definition does not know: {kept} instead of {document}"[:300])
    return check


def by_openapi(name):
    """KServe's models check little by themselves: members and their types are held against what they state."""
    def member(value, kind, path):
        if match := re.fullmatch(r"([Ll]ist|[Dd]ict)[\[(](?:str, )?(.*)[\])]", kind):
            if not isinstance(value, list if match[1].lower() == "list" else dict):
                raise Refused(f"{path} is no {match[1]}")
            items = enumerate(value) if match[1].lower() == "list" else value.items()
            for key, item in items:
                member(item, match[2], f"{path}.{key}")
        elif kind in {"str", "int", "bool", "float"}:
            allowed = {"str": str, "int": int, "bool": bool, "float": (int, float)}[kind]
            if not isinstance(value, allowed) or (kind != "bool" and isinstance(value, bool)):
                raise Refused(f"{path} is {value!r}, and not of type {kind}")
        elif kind != "object":
            of_class(value, kind, path)

    def of_class(value, kind, path):
        if kind in {"IntstrIntOrString", "ResourceQuantity"}:
            return
        model = getattr(kserve.models, kind, None) or getattr(kubernetes.client.models, kind)
        if not isinstance(value, dict):
            raise Refused(f"{path} is no object")
        names = {json_name: name for name, json_name in model.attribute_map.items()}
        for key, item in value.items():
            if key not in names:
                raise Refused(f"{path} has no member {key}")
            member(item, model.openapi_types[names[key]], f"{path}.{key}")
        try:
            model(**{names[key]: item for key, item in value.items()})
        except ValueError as error:
            raise Refused(f"{path}: {error}") from error

    return lambda document: of_class(document, name, document["kind"])


DEFINITIONS = {
    "ScaledObject": by_pydantic(ScaledObject),
    "ServiceMonitor": by_pydantic(ServiceMonitor),
    "InferenceService": by_openapi("V1beta1InferenceService"),
    "ServingRuntime": by_openapi("V1alpha1ServingRuntime"),
}


def validate(document):
    DEFINITIONS.get(document["kind"], by_schema)(document)


# MARK: Mistakes

# For each kind: where, what is put there, as somebody would by mistake.
MISTAKES = {
    "Deployment": [
        (["spec", "template", "spec", "containers", 0, "readinessProbe", "periodSeconds"], "2s"),
        (["spec", "template", "spec", "containers", 0, "livenessProb"], {}),
        (["spec", "template", "spec", "topologySpreadConstraints", 0, "maxSkew"], "one"),
    ],
    "Service": [(["spec", "ports", 0, "targetport"], "http")],
    "PodDisruptionBudget": [(["spec", "maxUnavailable"], [1])],
    "HorizontalPodAutoscaler": [(["spec", "metrics", 0, "resource", "target", "averageUtilization"], "60%")],
    "NetworkPolicy": [(["spec", "ingress", 0, "port"], 8080)],
    "PersistentVolumeClaim": [(["spec", "accessModes"], "ReadOnlyMany")],
    "ScaledObject": [
        (["spec", "minReplicaCount"], "two"),
        (["spec", "triggers", 0, "metdata"], {}),
    ],
    "ServiceMonitor": [
        (["spec", "endpoints"], {"port": "http"}),
        (["spec", "endpoint"], []),
    ],
    "InferenceService": [
        (["spec", "predictor", "model", "storageURI"], "pvc://x"),
        (["spec", "predictor", "minReplicas"], "2"),
    ],
    "ServingRuntime": [
        (["spec", "protocolVersions"], "v2"),
        (["spec", "containers", 0, "readinessProb"], {}),
    ],
}


def mutated(document, path, value):
    document = copy.deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


# MARK: The program

def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60}[unit]


def pods(documents):
    """The pod template, or what is like one, of each document that has it."""
    for document in documents:
        if document["kind"] == "Deployment":
            yield document["spec"]["template"]["spec"]
        elif document["kind"] == "ServingRuntime":
            service = next(d for d in documents if d["kind"] == "InferenceService")
            yield {**document["spec"],
                   "terminationGracePeriodSeconds": service["spec"]["predictor"]["terminationGracePeriodSeconds"]}


def check_numbers(pod, container, environment, where, faults):
    """Whether probes, drain and grace period fit each other."""
    delay, timeout = seconds(environment["FRCNN_DRAIN_DELAY"]), seconds(environment["FRCNN_DRAIN_TIMEOUT"])
    probe = container["readinessProbe"]
    unready = probe["periodSeconds"] * probe["failureThreshold"]
    if not unready < delay:
        faults.append(f"{where}: a pod is unready after {unready} s, and drains for {delay} s only")
    if not delay + timeout < pod["terminationGracePeriodSeconds"]:
        faults.append(f"{where}: {delay} s and {timeout} s of drain do not fit into the grace period")
    if not seconds(environment["FRCNN_REQUEST_TIMEOUT"]) <= timeout:
        faults.append(f"{where}: requests take longer than the drain waits for them")
    if container["securityContext"].get("capabilities") != {"drop": ["ALL"]} or not container[
            "securityContext"].get("readOnlyRootFilesystem"):
        faults.append(f"{where}: the container is not locked down")


def check_environment(program, environment, where, faults):
    """Whether the program knows the variables and takes their values: it is started with them."""
    known = set(re.findall(r"FRCNN_[A-Z_]+", subprocess.run(
        [program, "serve", "--help"], capture_output=True, text=True, check=True).stdout))
    for name in environment:
        if name.startswith("FRCNN_") and name not in known:
            faults.append(f"{where}: the program knows no {name}")
    # Files of the cluster are not here, and ports may be taken.
    given = {name: value for name, value in environment.items()
             if name not in {"FRCNN_MODEL", "FRCNN_TLS_CERT", "FRCNN_TLS_KEY", "FRCNN_HEALTH_PORT"}}
    process = subprocess.Popen(
        [program, "serve", "--port", "0", "--health-port", "0"], env={**os.environ, **given},
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "ready with" in line:
            break
    process.kill()
    if process.wait() not in {-9}:
        faults.append(f"{where}: the program does not start with this environment: {''.join(lines).strip()}")


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    faults, seen, refused, environments = [], {}, 0, {}
    folders = [FOLDER / "base", *sorted((FOLDER / "overlays").iterdir()), FOLDER / "kserve"]
    for folder in folders:
        where = folder.relative_to(FOLDER).as_posix()
        documents = built(folder)
        for document in documents:
            seen.setdefault(document["kind"], document)
            try:
                validate(document)
            except Refused as error:
                faults.append(f"{where}: {document['kind']}: {error}")
        for pod in pods(documents):
            container = pod["containers"][0]
            environment = {entry["name"]: entry["value"] for entry in container["env"]}
            check_numbers(pod, container, environment, where, faults)
            environments[tuple(sorted(environment.items()))] = where
    for kind, document in seen.items():
        for path, value in MISTAKES.get(kind) or faults.append(f"{kind}: no mistake is tried") or []:
            try:
                validate(mutated(document, path, value))
                faults.append(f"{kind}: {value!r} at {path} is not refused")
            except Refused:
                refused += 1
    for environment, where in environments.items():
        check_environment(program, dict(environment), where, faults)
    check_environment_of_a_mistake(program, faults)
    for fault in faults:
        print(f"check-manifests: {fault}", file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"check-manifests: {len(folders)} folders, {len(seen)} kinds valid for Kubernetes "
          f"{kubernetes_validate.latest_version()}, {refused} mistakes refused, {len(environments)} environments taken")


def check_environment_of_a_mistake(program, faults):
    """That the check of environments can fail."""
    found = []
    check_environment(program, {"FRCNN_DRAIN_DELAYS": "1s", "FRCNN_LANES": "two"}, "a mistake", found)
    if len(found) != 2:
        faults.append(f"a wrong environment is not refused: {found}")


if __name__ == "__main__":
    main()
