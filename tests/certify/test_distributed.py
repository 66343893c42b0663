"""Runs of many workers: the same numbers as one process, whoever is killed.

Ray cannot be installed everywhere, so its pool is tested against a stand-in with the few calls that
it makes; where ray is installed, the test with a killed worker runs on it, too.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from importlib.util import find_spec
from multiprocessing import active_children
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import radii
from certify.certifier import Certifier
from certify.data_files import load_data
from certify.distributed import Replica, Workers
from certify.log_reader import read_log
from certify.models import small_cnn
from certify.scheduling import Done, Failed, Lost, Task, WorkerError, carry_out
from certify.smoothed_classifier import SmoothedClassifier
from numerics.errors import InvalidInputError
from smoothing import families


def tasks(count):
    return [Task(np.zeros(1), index, None) for index in range(count)]


class PlannedPool:
    """Workers that end at images of a plan: how often each image ends its worker."""

    def __init__(self, losses=(), fails=None):
        self.losses, self.fails = dict(losses), fails
        self.started, self.busy, self.closed = 0, {}, False

    def start(self):
        self.started += 1
        return self.started

    def submit(self, worker, task):
        assert worker not in self.busy
        self.busy[worker] = task

    def wait(self):
        worker = min(self.busy)
        index = self.busy.pop(worker).index
        if index == self.fails:
            return [(worker, Failed(InvalidInputError("the model is wrong")))]
        if self.losses.get(index, 0):
            self.losses[index] -= 1
            return [(worker, Lost("killed"))]
        return [(worker, Done(index))]

    def close(self):
        self.closed = True


def test_every_image_is_done_once():
    pool = PlannedPool()
    assert sorted(carry_out(pool, tasks(7), 3, 0)) == list(range(7))
    assert pool.started == 3
    assert sorted(carry_out(PlannedPool(), tasks(2), 8, 0)) == [0, 1]  # no worker without work


def test_lost_workers_are_replaced():
    pool = PlannedPool({2: 2})
    with pytest.warns(UserWarning, match=r"a worker was lost at image 2 \(killed\)"):
        assert sorted(carry_out(pool, tasks(6), 2, 2)) == list(range(6))
    assert pool.started == 2 + 2


def test_an_image_that_ends_every_worker_is_named():
    with (
        pytest.warns(UserWarning, match="image 1"),
        pytest.raises(WorkerError, match="image 1 lost 3 workers"),
    ):
        list(carry_out(PlannedPool({1: 9}), tasks(3), 2, 2))


def test_errors_of_the_model_are_not_tried_again():
    pool = PlannedPool(fails=1)
    with pytest.raises(InvalidInputError, match="the model is wrong"):
        list(carry_out(pool, tasks(3), 1, 5))
    assert pool.started == 1


@pytest.mark.parametrize("text", ["0", "threads", "ray:0", "ray:x", "-1", "processes:"])
def test_malformed_workers(text):
    if text == "processes:":
        assert Workers.parse(text) == Workers()
        return
    with pytest.raises(InvalidInputError, match="--workers"):
        Workers.parse(text)


def test_names_of_workers():
    assert Workers.parse("1") is None
    assert Workers.parse("3") == Workers("processes", 3)
    assert Workers.parse("ray") == Workers("ray")


def smoothed(model=None):
    q = families.gaussian(64, sigma=0.3)
    return SmoothedClassifier(model or small_cnn(seed=1).eval(), q, "l2")


def certified(**options):
    digits = load_data("digits").first(8)
    return smoothed().certify(
        digits.images, labels=digits.labels, n=6000, batch_size=250, seed=4, **options
    )


def numbers(batch):
    return [(c.index, c.prediction, c.count, c.n, c.radius, c.prob_lower) for c in batch]


BACKENDS = ["processes", *(["ray"] if find_spec("ray") else [])]


@pytest.mark.parametrize("kind", BACKENDS)
def test_two_workers_one_of_them_killed(kind, tmp_path):
    """SIGKILL after the second image: nothing is missing, repeated or different."""
    killed = []

    def report(done, total):
        if done == 2 and not killed:
            killed.append(victim(kind))
            os.kill(killed[0], signal.SIGKILL)

    with pytest.warns(UserWarning, match="a worker was lost"):
        batch = certified(workers=Workers(kind, 2), log=tmp_path / "run.tsv", progress=report)
    assert killed
    assert numbers(batch) == numbers(certified())
    records = read_log(tmp_path / "run.tsv").records
    assert sorted(record.index for record in records) == list(range(8))
    assert not active_children()
    # The log is complete: nobody is started, and one process reads the same from it.
    again = certified(log=tmp_path / "run.tsv")
    assert [c.count for c in again] == [c.count for c in batch]


def victim(kind):
    if kind == "processes":
        return active_children()[0].pid
    # Ray names the process of an actor after its class; asking Ray itself needs its dashboard.
    return next(
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.read_bytes().startswith(b"ray::_Actor")
    )


def test_models_that_cannot_be_sent():
    images = load_data("digits").first(2).images
    local = smoothed(lambda x: (x.flatten(1).mean(dim=1) > 0.3).long())
    with pytest.raises(InvalidInputError, match="name the model by a factory"):
        local.certify(images, n=100, workers=Workers("processes", 1))
    assert not active_children()


def test_radius_functions_arrive_bit_for_bit():
    for q, norm in (
        (families.gaussian(64, sigma=0.3), "l2"),
        (families.uniform_cube(64, sigma=0.3), "l1"),
        (families.exp_linf(64, k=2, j=1, sigma=0.3), "linf"),
    ):
        radius = radii.derive(q, norm)
        sent = pickle.loads(pickle.dumps(radius))
        tails = np.geomspace(1e-12, 0.5, 40)
        assert np.array_equal(sent(tail=tails), radius(tail=tails))
        assert (sent.guarantee, sent.requested, sent.alpha) == (
            radius.guarantee,
            radius.requested,
            radius.alpha,
        )
        assert sent.growth(0.1, 0.01) == radius.growth(0.1, 0.01)


class StandInRay:
    """The calls of Ray that the pool makes, carried out on the spot; actors die by a plan."""

    class exceptions:
        class RayError(Exception):
            pass

    def __init__(self, deaths):
        self.deaths, self.log, self.up = deaths, [], False

    def is_initialized(self):
        return self.up

    def init(self, **options):
        self.log.append(("init", options.get("address")))
        if options.get("address") == "auto":
            raise ConnectionError("no cluster")
        self.up = True

    def shutdown(self):
        self.up = False

    def cluster_resources(self):
        return {"CPU": 2.0}

    def put(self, thing):
        return pickle.dumps(thing)

    def remote(self, **resources):
        self.log.append(("remote", resources))

        def actor_of(kind):
            def make(replica, device):
                actor = kind(pickle.loads(replica), device)
                return SimpleNamespace(
                    certify=SimpleNamespace(remote=lambda task: Reference(actor, task))
                )

            return SimpleNamespace(remote=make)

        return actor_of

    def wait(self, references, num_returns):
        return references[:num_returns], references[num_returns:]

    def get(self, reference):
        if reference.task.index in self.deaths:
            self.deaths.remove(reference.task.index)
            raise self.exceptions.RayError("The actor died unexpectedly")
        return reference.actor.certify(reference.task)

    def kill(self, actor):
        self.log.append(("kill", None))


class Reference:
    def __init__(self, actor, task):
        self.actor, self.task = actor, task


def test_pool_of_actors(monkeypatch):
    cluster = StandInRay([3])
    monkeypatch.setitem(sys.modules, "ray", cluster)
    digits = load_data("digits").first(5)
    with pytest.warns(UserWarning, match="a worker was lost at image 3 .*actor died"):
        found = smoothed().certify(
            digits.images, labels=digits.labels, n=500, workers=Workers("ray")
        )
    alone = smoothed().certify(digits.images, labels=digits.labels, n=500)
    assert numbers(found) == numbers(alone)
    assert cluster.log[:3] == [("init", "auto"), ("init", None), ("remote", {"num_cpus": 1})]
    assert not cluster.up
    assert sum(kind == "kill" for kind, _ in cluster.log) == 3  # two slots, one replacement


def test_ray_is_asked_for_only_if_wanted(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    images = load_data("digits").first(1).images
    with pytest.raises(InvalidInputError, match="ray is not installed"):
        smoothed().certify(images, n=100, workers=Workers("ray"))


def test_a_replica_makes_the_same_certifier():
    digits = load_data("digits").first(1)
    whole = smoothed()
    seen = []
    original = Certifier.certify

    def spy(self, image, index, label=None):
        seen.append(self)
        return original(self, image, index, label)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Certifier, "certify", spy)
        batch = whole.certify(digits.images, n=300)
    copy = pickle.loads(pickle.dumps(Replica(seen[0]))).certifier("cpu")
    again = copy.certify(digits.images[0], 0)
    assert (again.count, again.radius) == (batch[0].count, batch[0].radius)
    assert torch.equal(copy.model[0].weight, whole.model[0].weight)
