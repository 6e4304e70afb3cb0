"""Rotation matrices from angles, many at a time."""

import numpy as np

from anymo.records import Array


def rotation_of(rotvec: Array) -> Array:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3): Rodrigues' formula."""
    angle2 = np.sum(rotvec**2, axis=-1)[..., None, None]
    angle = np.sqrt(angle2)
    skew = np.zeros((*rotvec.shape, 3))
    skew[..., 0, 1], skew[..., 0, 2], skew[..., 1, 2] = -rotvec[..., 2], rotvec[..., 1], -rotvec[..., 0]
    skew -= np.swapaxes(skew, -1, -2)
    sinc = np.sinc(angle / np.pi)
    half = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.asarray(np.eye(3) + sinc * skew + half * (skew @ skew))


def about(axis: int, angle: Array) -> Array:
    """(..., 3, 3) rotations about axis 0, 1 or 2 by angles (...), rad."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.zeros((*angle.shape, 3, 3))
    rotation[..., axis, axis] = 1.0
    rotation[..., i, i] = rotation[..., j, j] = np.cos(angle)
    rotation[..., j, i] = np.sin(angle)
    rotation[..., i, j] = -rotation[..., j, i]
    return rotation


def roll_pitch_yaw(lean_left: Array, forward: Array, yaw: Array) -> Array:
    """(T, 3, 3) lean to the left, then forward, then turn to the left; angles (T,), rad."""
    return about(2, yaw) @ about(1, forward) @ about(0, -lean_left)


def seen_from(parent: Array, child: Array) -> Array:
    """Parent from child of two rotations from the world.

    Args:
        parent: (..., 3, 3) world from parent.
        child: (..., 3, 3) world from child.

    Returns:
        (..., 3, 3).
    """
    return np.asarray(np.swapaxes(parent, -1, -2) @ child)
