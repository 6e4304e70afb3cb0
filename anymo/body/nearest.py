"""The point of a triangle mesh nearest to a given one."""

import numpy as np

from anymo.records import Array


def nearest_on_triangles(point: Array, triangles: Array) -> tuple[int, Array]:
    """The nearest point, as a triangle and its barycentric coordinates there.

    Inside a triangle it is the foot of the perpendicular, else the nearest point of the three edges.

    Args:
        point: (3,) m.
        triangles: (F, 3, 3) corners, m.

    Returns:
        Index of the triangle, and the weights (3,) of its corners.
    """
    a, edges = triangles[:, 0], triangles[:, 1:] - triangles[:, :1]
    gram = np.einsum("fki,fli->fkl", edges, edges) + 1e-18 * np.eye(2)
    uv = np.linalg.solve(gram, np.einsum("fki,fi->fk", edges, point - a)[..., None])[..., 0]
    shares = [np.concatenate([1.0 - uv.sum(axis=1, keepdims=True), uv], axis=1)]
    shares[0] = np.where((shares[0] >= 0).all(axis=1, keepdims=True), shares[0], np.eye(3)[0])
    for k in range(3):
        start, end = triangles[:, k], triangles[:, (k + 1) % 3]
        length2 = np.maximum(np.sum((end - start) ** 2, axis=1), 1e-18)
        t = np.clip(np.sum((point - start) * (end - start), axis=1) / length2, 0.0, 1.0)
        shares.append((1.0 - t)[:, None] * np.eye(3)[k] + t[:, None] * np.eye(3)[(k + 1) % 3])
    share = np.stack(shares)
    distance = np.linalg.norm(np.einsum("nfk,fki->nfi", share, triangles) - point, axis=-1)
    way, face = np.unravel_index(int(distance.argmin()), distance.shape)
    return int(face), share[way, face]
