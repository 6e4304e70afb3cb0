"""`python -m anymo.assets [name ...]`: fetch assets before they are needed."""

import logging
import sys
from collections.abc import Sequence

from anymo.assets import ASSETS, AssetError, resolve

logger = logging.getLogger("anymo.assets")


def main(names: Sequence[str]) -> int:
    """Fetch the named assets, or all; 0 if each is on this machine at the end."""
    names = names or list(ASSETS)
    for number, name in enumerate(names, 1):
        try:
            path = resolve(name)
        except (AssetError, ValueError) as error:
            logger.error("[%d/%d] %s", number, len(names), error)
            return 1
        logger.info("[%d/%d] %s: %s", number, len(names), name, path)
    return 0


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    logging.getLogger("anymo").setLevel(logging.INFO)
    sys.exit(main(sys.argv[1:]))
