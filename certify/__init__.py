"""Certification of trained classifiers: sampling, counting, certificates, logs and curves.

Only this room knows PyTorch, and it is imported when a name that needs it is first used: reading,
evaluating and recertifying logs works without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from certify.attacks import AttackSettings as AttackSettings
    from certify.attacks import attack as attack
    from certify.certificate import Certificate as Certificate
    from certify.certificate import CertificateBatch as CertificateBatch
    from certify.certificate import Status as Status
    from certify.confidence import clopper_pearson_lower as clopper_pearson_lower
    from certify.confidence import clopper_pearson_upper as clopper_pearson_upper
    from certify.data_files import load_data as load_data
    from certify.distributed import Workers as Workers
    from certify.evaluate import Curve as Curve
    from certify.evaluate import certified_accuracy as certified_accuracy
    from certify.evaluate import envelope as envelope
    from certify.execution import Execution as Execution
    from certify.input_space import InputSpace as InputSpace
    from certify.log_reader import read_log as read_log
    from certify.logs import LogWriter as LogWriter
    from certify.model_files import load_model as load_model
    from certify.multiclass import ClassLimits as ClassLimits
    from certify.multiclass import class_limits as class_limits
    from certify.multiclass import multiclass_radius as multiclass_radius
    from certify.planning import required_samples as required_samples
    from certify.recertify import recertify_counts as recertify_counts
    from certify.recertify import recertify_radii as recertify_radii
    from certify.sequential import confidence_sequence_lower as confidence_sequence_lower
    from certify.shards import merge_logs as merge_logs
    from certify.smoothed_classifier import SmoothedClassifier as SmoothedClassifier
    from certify.training import TrainingSettings as TrainingSettings
    from certify.training import train_with_noise as train_with_noise

#: Which module defines a public name.
_HOME = {
    "AttackSettings": "attacks",
    "Certificate": "certificate",
    "CertificateBatch": "certificate",
    "ClassLimits": "multiclass",
    "Curve": "evaluate",
    "Execution": "execution",
    "InputSpace": "input_space",
    "LogWriter": "logs",
    "SmoothedClassifier": "smoothed_classifier",
    "Status": "certificate",
    "TrainingSettings": "training",
    "Workers": "distributed",
    "attack": "attacks",
    "certified_accuracy": "evaluate",
    "class_limits": "multiclass",
    "clopper_pearson_lower": "confidence",
    "clopper_pearson_upper": "confidence",
    "confidence_sequence_lower": "sequential",
    "envelope": "evaluate",
    "load_data": "data_files",
    "load_model": "model_files",
    "merge_logs": "shards",
    "multiclass_radius": "multiclass",
    "read_log": "log_reader",
    "recertify_counts": "recertify",
    "recertify_radii": "recertify",
    "required_samples": "planning",
    "train_with_noise": "training",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"certify.{_HOME[name]}"), name)
    raise AttributeError(f"module 'certify' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
