"""Networks of the papers: their sizes, and checkpoints under the names others gave the weights."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from certify import architectures
from certify.architectures import ARCHITECTURES, CIFAR10_MEAN, CIFAR10_STD
from certify.model_files import build, load_model
from numerics.errors import InvalidInputError

#: Parameters of the published networks: torchvision's documentation for ResNet-50; 2.2 M
#: (Zagoruyko and Komodakis, table 4) and 1.7 M (He et al., table 6) otherwise.
SIZES = {"wide_resnet40_2": (2.2e6, 0.03), "resnet110": (1.7e6, 0.03), "resnet50": (25557032, 0.0)}


@pytest.mark.parametrize("name", SIZES)
def test_published_sizes(name):
    published, slack = SIZES[name]
    count = sum(p.numel() for p in ARCHITECTURES[name]().parameters())
    # Two digits are printed; ResNet-110's projections in place of padding add 0.2 %.
    assert abs(count - published) <= slack * published


@pytest.mark.parametrize(
    ("name", "side"),
    [("wide_resnet40_2", 32), ("resnet110", 48), ("resnet50", 64), ("alexnet", 32)],
)
def test_forward_shapes_and_seeds(name, side):
    torch.manual_seed(1)
    model = ARCHITECTURES[name](classes=7, seed=3).eval()
    again = ARCHITECTURES[name](classes=7, seed=3).eval()
    x = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        y = model(x)
        assert y.shape == (2, 7)
        assert torch.equal(y, again(x))
        # The rows of a batch know nothing of each other.
        assert torch.allclose(y[1:], model(x[1:]), atol=1e-5)


def test_normalisation_is_the_first_layer():
    model = ARCHITECTURES["resnet20"]()
    mean = torch.tensor(CIFAR10_MEAN).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    std = torch.tensor(CIFAR10_STD).view(1, 3, 1, 1)
    assert torch.allclose(model[0](mean + std), torch.ones(1, 3, 2, 2), atol=1e-6)
    assert not any(name.startswith("0.") for name in model.state_dict())


#: A few names of the files that Cohen et al. (their code/archs) and Yang et al. (their src/lib)
#: published, without the prefix of the network.
COHEN = ("layer1.17.bn2.running_var", "layer2.0.downsample.0.weight", "fc.bias")
YANG = ("block1.layer.0.convShortcut.weight", "block3.layer.5.conv2.weight", "bn1.running_mean")


def test_layout_of_cohens_checkpoints(tmp_path):
    model = build("resnet110", seed=1)
    inner = model[1].state_dict()
    assert set(COHEN) <= set(inner)
    path = tmp_path / "checkpoint.pth.tar"
    state = {f"1.{name}": value for name, value in inner.items()}
    torch.save({"epoch": 90, "arch": "cifar_resnet110", "state_dict": state, "optimizer": {}}, path)
    loaded = load_model(str(path))
    assert torch.equal(loaded[1].layer3[0].conv1.weight, model[1].layer3[0].conv1.weight)
    # ImageNet's are wrapped inside the sequence, and old ones count no batches.
    state = {f"1.module.{n}": v for n, v in inner.items() if "num_batches" not in n}
    torch.save({"arch": "cifar_resnet110", "state_dict": state}, path)
    assert torch.equal(load_model(str(path))[1].fc.weight, model[1].fc.weight)


def test_layout_of_yangs_checkpoints(tmp_path):
    model = build("wide_resnet40_2", seed=1)
    inner = model[1].state_dict()
    assert set(YANG) <= set(inner)
    state = {f"model.module.{name}": value for name, value in inner.items()}
    state["norm.module.mu"] = torch.tensor(CIFAR10_MEAN).reshape(3, 1, 1)
    state["norm.module.log_sig"] = torch.tensor(CIFAR10_STD).log().reshape(3, 1, 1)
    path = tmp_path / "checkpoint.pt"
    torch.save(state, path)
    loaded = load_model(str(path), architecture="wide_resnet40_2")
    assert torch.equal(loaded[1].fc.weight, model[1].fc.weight)
    state["norm.module.mu"] += 0.1
    torch.save(state, path)
    with pytest.raises(InvalidInputError, match=r"the mean in .* must be"):
        load_model(str(path), architecture="wide_resnet40_2")


def test_safetensors_name_their_architecture(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(build("small_cnn", seed=2).state_dict(), path, {"architecture": "small_cnn"})
    assert torch.equal(load_model(str(path))[0].weight, build("small_cnn", seed=2)[0].weight)
    # A name in a file selects among our own networks and never imports anything.
    save_file(build("small_cnn").state_dict(), path, {"architecture": "os:getcwd"})
    with pytest.raises(InvalidInputError, match="the file says 'os:getcwd'"):
        load_model(str(path))
    path.write_bytes(b"nothing")
    with pytest.raises(InvalidInputError, match="a file of tensors"):
        load_model(str(path), architecture="small_cnn")
    save_file({"fc.weight": torch.ones(2, 2)}, path)
    with pytest.raises(InvalidInputError, match=r"lacks .*0\.bias.* and has .*fc\.weight"):
        load_model(str(path), architecture="small_cnn")


def test_timm_names(tmp_path, monkeypatch):
    """timm is asked only if a name starts with it; a stand-in shows what it is asked for."""
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InvalidInputError, match="timm is not installed"):
        load_model("timm:resnet18")
    asked = []

    def create_model(name, *, pretrained):
        asked.append((name, pretrained))
        if name == "unknown":
            raise RuntimeError("Unknown model (unknown)")
        return architectures.small_cnn(seed=4)

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))
    assert not load_model("timm:tiny").training
    path = tmp_path / "weights.safetensors"
    save_file(architectures.small_cnn(seed=5).state_dict(), path)
    load_model(str(path), architecture="timm:tiny")
    assert asked == [("tiny", True), ("tiny", False)]
    with pytest.raises(InvalidInputError, match="Unknown model"):
        load_model("timm:unknown")
