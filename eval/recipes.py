"""Train recipes on one corpus for the same time, over seeds, and put their figures in one table.

python eval/recipes.py --config_path configs/eval/recipes.yaml
"""

import sys

from anymo.cli.session import run_stage
from anymo.data.prepare import bodies_of
from anymo.evaluation.comparison import comparison_table
from anymo.evaluation.recipes import RecipesConfig, run_recipes

if __name__ == "__main__":
    run_stage(
        RecipesConfig,
        lambda config: sys.stdout.write(
            comparison_table(run_recipes(config, bodies_of(config.corpus))["runs"]) + "\n"
        ),
    )
