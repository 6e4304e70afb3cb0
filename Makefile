# Everything a fresh machine needs: Python 3.11+, git, make and a package index.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Fixed together with everything else, so that no other requirement pulls another build of torch.
# Where an index offers a CPU build of this version, pip prefers it (2.13.0+cpu sorts after 2.13.0).
TORCH ?= torch==2.13.0
# Found by running each: a pyenv shim may exist and still fail.
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)

# Commit whose weights a successor is trained on from.
BEFORE := 07f04e98337822077ab7c6e81b7aa5d31da65548
TRAIN = $(abspath $(BIN))/accelerate launch --config_file configs/accelerate/cpu.yaml
# What ships was trained by the code of these commits (anymo/weights/training.json), each in a worktree of its own.
AGAIN := $(abspath runs/again)
TURN_1 := $(AGAIN)/bb96af2
TURN_2 := $(AGAIN)/6bcdf0e
TOKENS := $(AGAIN)/48d4cd7
WORDS := $(AGAIN)/99a5fbb
MORE := $(AGAIN)/adee41a
AT = PYTHONPATH=. ANYMO_DATA="$${ANYMO_DATA:-$(abspath ../shared/data)}"
RELEASE_EVAL = eval/encoder.py --config_path configs/eval/encoder.yaml --model runs/stages/release \
	--corpus runs/pretrain/corpus --output runs/stages/release/eval
# As many sensors, and as large a share of captured motion, as the model was taught with.
ALIGNED_EVAL = eval/alignment.py --config_path configs/eval/alignment.yaml \
	--models "[runs/stages/release_align_on/model]" --corpus runs/pretrain/corpus \
	--output runs/stages/release_align_on/eval --draw.max_sensors 5 --draw.real_share 0.25 \
	--protocol.num_neighbours 8000
# Two processes of one thread each: torch's threads would wait for each other. Files in the order of tests/conftest.py.
TWO = -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help venv assets demo test check slow docs notebook release-model next-release format clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP) ## create .venv and install the project with its development tools

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or later found; name one with make PYTHON=/path/to/python"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install "$(TORCH)" -e '.[dev]'
	@touch $@

assets: venv ## fetch the language model, the text embedding and the sample recordings (once)
	$(BIN)/python -m anymo.assets

demo: assets ## from motion to words in ten minutes
	HF_HUB_OFFLINE=1 $(BIN)/anymo demo

test: assets ## the default test suite, hub offline
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(TWO)

slow: assets ## the tests that take minutes
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(TWO) -m slow -x

check: venv ## lint, format, types, import direction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict anymo
	$(BIN)/python -m pytest tests/contracts/test_house.py

docs: venv ## build the site into site/, offline; a link that leads nowhere is an error
	$(BIN)/python docs/notebook.py --page build/notebook.md
	$(BIN)/zensical build --clean --strict

notebook: assets ## execute examples/quickstart.py into the notebook beside it
	HF_HUB_OFFLINE=1 $(BIN)/python docs/notebook.py

release-model: assets ## train the weights that come with the package again, by the code that did (SEVEN HOURS; it goes on)
	for tree in $(TURN_1) $(TURN_2) $(TOKENS) $(WORDS) $(MORE); do \
		test -d $$tree || git worktree add --detach $$tree $$(basename $$tree) || exit 1; done
	cd $(TURN_1) && $(AT) $(abspath $(BIN))/python data_prep/kinematics.py --config_path configs/prepare/pretrain.yaml
	cd $(TURN_1) && $(AT) $(abspath $(BIN))/python train/pretrain.py --config_path configs/pretrain/release.yaml
	cd $(TURN_2) && $(AT) $(abspath $(BIN))/python data_prep/kinematics.py --config_path configs/prepare/pretrain.yaml
	cd $(TURN_2) && $(AT) $(TRAIN) train/pretrain.py --config_path configs/pretrain/continued.yaml \
		--start $(TURN_1)/runs/stages/release
	cd $(TOKENS) && $(AT) $(TRAIN) train/tokenizer.py --config_path configs/tokenizer/release.yaml \
		--corpus $(TURN_2)/runs/pretrain/corpus --encoder $(TURN_2)/runs/stages/release/encoder
	cd $(WORDS) && $(AT) $(TRAIN) train/align.py --config_path configs/align/release.yaml \
		--corpus $(TURN_2)/runs/pretrain/corpus --encoder $(TURN_2)/runs/stages/release/encoder \
		--tokenizer $(TOKENS)/runs/stages/release_tokenizer/tokenizer
	cd $(MORE) && $(AT) $(TRAIN) train/align.py --config_path configs/align/continued.yaml \
		--corpus $(TURN_2)/runs/pretrain/corpus --encoder $(TURN_2)/runs/stages/release/encoder \
		--tokenizer $(TOKENS)/runs/stages/release_tokenizer/tokenizer \
		--start $(WORDS)/runs/stages/release_align/language_model
	$(BIN)/anymo export $(MORE)/runs/stages/release_align_on/model $(AGAIN)/weights --name AnyMo \
		--notes eval/what_it_confuses.md

# A successor has its own errors in its card.
next-release: assets ## train a successor of these weights by the code as it is (HOURS; it goes on where it was)
	$(BIN)/python data_prep/kinematics.py --config_path configs/prepare/pretrain.yaml
	mkdir -p runs/stages/before
	git archive $(BEFORE) anymo/weights | tar -x -C runs/stages/before
	$(TRAIN) train/pretrain.py --config_path configs/pretrain/continued.yaml
	$(BIN)/python $(RELEASE_EVAL)
	$(TRAIN) train/tokenizer.py --config_path configs/tokenizer/release.yaml
	$(TRAIN) train/align.py --config_path configs/align/release.yaml
	$(TRAIN) train/align.py --config_path configs/align/continued.yaml
	$(BIN)/python $(ALIGNED_EVAL)
	$(BIN)/anymo export runs/stages/release_align_on/model anymo/weights --name AnyMo \
		--notes runs/stages/release/eval/errors.md \
		--metrics runs/stages/release/eval/encoder.json \
		--metrics runs/stages/release_align_on/eval/alignment.json --corpus runs/pretrain/corpus

format: venv ## put the code into its one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove .venv and caches; assets and runs stay
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache
