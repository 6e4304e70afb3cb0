"""SMPL, SMPL-H and SMPL-X files: synthetic ones of the makers' layout, also through smplx's own classes."""

import pickle
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import smplx
from scipy import sparse

from anymo import body
from anymo.body import smpl
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, INDEX, PARENTS, SEGMENTS

JOINTS = {"SMPL": 24, "SMPL-H": 52, "SMPL-X": 55}
VERTICES = {"SMPL": 6890, "SMPL-H": 6890, "SMPL-X": 10475}  # smplx picks vertices by number, so all are there
RING = 5
PARENTS_BODY = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
ARM_SAG_RAD = np.deg2rad(6.0)


def model_joints(kind: str) -> tuple[np.ndarray, list[int]]:
    """Joints (J, 3) in our axes, arms a little below level, and their parents."""
    ours = np.zeros((23, 3))
    for child, parent in enumerate(PARENTS[1:], start=1):
        ours[child] = ours[parent] + DEFAULT_JOINT_OFFSETS[child]
    first = {name: k for k, name in reversed(list(enumerate(smpl._carriers(22 + 2))))}
    at = np.zeros((22, 3))
    for name, k in first.items():
        if k < 22:
            at[k] = ours[INDEX[name]]
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        shoulder = at[first[f"{side}UpperArm"]]
        for limb in ("ForeArm", "Hand"):
            reach = sign * (at[first[f"{side}{limb}"]] - shoulder)[1]
            at[first[f"{side}{limb}"]] = shoulder + reach * np.array(
                [0, sign * np.cos(ARM_SAG_RAD), -np.sin(ARM_SAG_RAD)]
            )
    joints, parents = list(at), list(PARENTS_BODY)
    if kind == "SMPL-X":
        joints += [at[15] + [0.05, y, 0.05] for y in (0.0, 0.03, -0.03)]
        parents += [15] * 3
    for wrist, sign in ((20, 1.0), (21, -1.0)):
        fingers = 1 if kind == "SMPL" else 15
        for k in range(fingers):
            spread = 0.0 if kind == "SMPL" else (0.03, 0.01, -0.03, -0.01, 0.04)[k // 3]
            joints.append(at[wrist] + [spread, sign * (0.08 + 0.02 * (k % 3)), -0.01])
            parents.append(wrist if k % 3 == 0 else len(joints) - 2)
    return np.array(joints), parents


def tubes(joints: np.ndarray, parents: list[int], count: int) -> dict[str, np.ndarray]:
    """Rings around each joint and on towards its first child: V vertices that the joint moves alone."""
    rings = np.array_split(np.arange(count // RING), len(joints))
    angle = 2 * np.pi * np.arange(RING) / RING
    vertices, faces = np.zeros((count, 3)), []
    weights, regressor = np.zeros((count, len(joints))), np.zeros((len(joints), count))
    for j, own in enumerate(rings):
        child = parents.index(j) if j in parents else None
        away = (
            joints[child] - joints[j]
            if child is not None
            else 0.6 * (joints[j] - joints[parents[j]]) + [0.01, 0, 0.01]
        )
        along = away / np.linalg.norm(away)
        across = np.cross(along, [1.0, 0.2, 0.1])
        across /= np.linalg.norm(across)
        circle = 0.03 * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * np.cross(along, across))
        for k, ring in enumerate(own):
            at = slice(RING * ring, RING * ring + RING)
            vertices[at] = joints[j] + away * k / len(own) + circle
            weights[at, j] = 1.0
            if k:
                lower, upper = RING * (ring - 1), RING * ring
                for a in range(RING):
                    b = (a + 1) % RING
                    faces += [[lower + a, lower + b, upper + b], [lower + a, upper + b, upper + a]]
        regressor[j, RING * own[0] : RING * own[0] + RING] = 1 / RING
    return {
        "v_template": vertices,
        "f": np.array(faces, dtype=np.uint32),
        "weights": weights,
        "J_regressor": regressor,
    }


def model_file(kind: str) -> dict[str, np.ndarray]:
    """Arrays of a model file under the makers' names; the first coefficient adds a tenth of the size."""
    joints, parents = model_joints(kind)
    arrays = tubes(joints @ smpl._WORLD_FROM_MODEL, parents, VERTICES[kind])
    template, rng = arrays["v_template"], np.random.default_rng(0)
    shapes = np.stack([0.1 * template, *(0.002 * rng.normal(size=(9, *template.shape)))], axis=-1)
    arrays["shapedirs"] = shapes if kind != "SMPL-X" else np.concatenate([shapes, np.zeros_like(shapes)], -1)
    arrays["posedirs"] = np.zeros((len(template), 3, 9 * (len(joints) - 1)))
    arrays["kintree_table"] = np.array([[0, *parents[1:]], range(len(joints))], dtype=np.int64)
    if kind != "SMPL":
        arrays |= {f"hands_components{s}": np.eye(45) for s in "lr"}
        arrays |= {f"hands_mean{s}": np.zeros(45) for s in "lr"}
    if kind == "SMPL-X":
        arrays |= {"lmk_faces_idx": np.zeros(51, dtype=np.int64), "lmk_bary_coords": np.full((51, 3), 1 / 3)}
    return arrays


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder, made = tmp_path_factory.mktemp("models"), {}
    for kind in JOINTS:
        made[kind] = folder / f"{kind}.npz"
        np.savez(made[kind], allow_pickle=False, **model_file(kind))
    return made


def through_smplx(kind: str, file: Path, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and joints in our axes as smplx's own class gives them in its zero pose."""
    import torch

    common = {"num_betas": 10, "dtype": torch.float64}
    hands = {"use_pca": False, "flat_hand_mean": True, "ext": "npz"}
    if kind == "SMPL":
        arrays = smplx.utils.Struct(**np.load(file))
        model = smplx.SMPL(str(file), data_struct=arrays, **common)
    else:
        model = (smplx.SMPLH if kind == "SMPL-H" else smplx.SMPLX)(str(file), **common, **hands)
    out = model(betas=torch.from_numpy(np.pad(betas, (0, 10 - len(betas))))[None])
    turn = smpl._WORLD_FROM_MODEL.T
    return out.vertices[0].detach().numpy() @ turn, out.joints[0].detach().numpy()[: JOINTS[kind]] @ turn


@pytest.mark.parametrize("kind", JOINTS)
@pytest.mark.parametrize("betas", [[], [1.0, -0.5, 0.3]])
def test_bones_are_those_of_smplx(files, kind, betas):
    wearer = body.load(files[kind], betas=betas)
    _, joints = through_smplx(kind, files[kind], np.array(betas))
    origin = smpl._origins(joints)
    for child, parent in enumerate(PARENTS[1:], start=1):
        np.testing.assert_allclose(
            np.linalg.norm(wearer.joint_offsets[child]),
            np.linalg.norm(origin[child] - origin[parent]),
            atol=1e-6,  # smplx rounds to float32
        )


@pytest.mark.parametrize("kind", JOINTS)
def test_skin_keeps_its_distance_from_the_joint_that_moves_it(files, kind):
    wearer = body.load(files[kind], betas=[0.5])
    vertices, joints = through_smplx(kind, files[kind], np.array([0.5]))
    origin = smpl._origins(joints)
    arrays = model_file(kind)
    used = np.unique(arrays["f"][~np.isin(arrays["f"], eyeball_vertices(kind, arrays)).any(axis=1)])
    for name in ("LeftForeArm", "RightHand", "Head", "LeftLowerLeg", "RightToe", "T8"):
        own = wearer.vertex_segment == INDEX[name]
        expected = np.linalg.norm(vertices[used][own] - origin[INDEX[name]], axis=1)
        np.testing.assert_allclose(np.linalg.norm(wearer.offset_m[own], axis=1), expected, atol=1e-6)


def eyeball_vertices(kind: str, arrays: dict[str, np.ndarray]) -> np.ndarray:
    if kind != "SMPL-X":
        return np.array([], dtype=int)
    return np.flatnonzero(arrays["weights"][:, 23:25].sum(axis=1) > 0)


@pytest.mark.parametrize("kind", JOINTS)
def test_body_stands_in_t_pose_with_every_segment(files, kind):
    wearer = body.load(files[kind])
    joint = dict(zip(SEGMENTS, wearer.joint_position, strict=True))
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        arm = joint[f"{side}Hand"] - joint[f"{side}UpperArm"]
        np.testing.assert_allclose(arm / np.linalg.norm(arm), [0, sign, 0], atol=1e-9)
        leg = joint[f"{side}Foot"] - joint[f"{side}UpperLeg"]
        np.testing.assert_allclose(leg / np.linalg.norm(leg), [0, 0, -1], atol=1e-9)
    assert wearer.vertices[:, 2].min() == 0.0
    np.testing.assert_allclose(wearer.skin_weights.sum(axis=1), 1.0, atol=1e-6)
    assert np.bincount(wearer.vertex_segment, minlength=23).min() >= 20
    np.testing.assert_allclose(joint["L3"], (joint["L5"] + joint["T12"]) / 2, atol=1e-9)
    if kind == "SMPL-X":
        assert len(wearer.vertices) < VERTICES[kind]  # the eyeballs are gone
    assert wearer.placement("left wrist").segment == "LeftForeArm"
    assert wearer.fitted(DEFAULT_JOINT_OFFSETS).joint_offsets == pytest.approx(DEFAULT_JOINT_OFFSETS)


def test_palms_face_down(files):
    hands = {"SMPL-H": body.load(files["SMPL-H"]), "SMPL-X": body.load(files["SMPL-X"])}
    for wearer in hands.values():
        for side in ("Left", "Right"):
            own = wearer.offset_m[wearer.vertex_segment == INDEX[f"{side}Hand"]]
            assert np.ptp(own[:, 0]) > 1.1 * np.ptp(own[:, 2])


class _Chumpy:
    """What chumpy.ch.Ch leaves in a pickle."""

    def __init__(self, **state: object) -> None:
        self.__dict__.update(state, _dirty_vars=set(), _itr=None, _make_dense=False)


def stand_in(module: str, name: str, **state: object) -> object:
    for package in (module.partition(".")[0], module):
        made = sys.modules.setdefault(package, types.ModuleType(package))
    if not hasattr(made, name):
        setattr(made, name, type(name, (_Chumpy,), {"__module__": module}))
    return getattr(made, name)(**state)


@pytest.fixture
def no_chumpy_left():
    yield
    for module in ("chumpy", "chumpy.ch", "chumpy.reordering"):
        sys.modules.pop(module, None)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_pickle_of_the_makers_gives_the_same_body(tmp_path, files, no_chumpy_left, protocol):
    arrays: dict[str, object] = dict(model_file("SMPL"))
    del arrays["posedirs"]  # big, and nothing here needs it
    shapes = np.asarray(arrays["shapedirs"])
    more = np.concatenate([shapes, np.ones_like(shapes)], axis=-1)
    picked = np.arange(more.size).reshape(more.shape)[:, :, :10]
    whole = stand_in("chumpy.ch", "Ch", x=more)
    arrays["shapedirs"] = stand_in(
        "chumpy.reordering", "Select", a=whole, idxs=picked.ravel(), preferred_shape=shapes.shape
    )
    arrays["v_template"] = stand_in("chumpy.ch", "Ch", x=arrays["v_template"])
    arrays["J_regressor"] = sparse.csc_matrix(arrays["J_regressor"])
    arrays["bs_style"] = "lbs"
    file = tmp_path / "model.pkl"
    file.write_bytes(pickle.dumps(arrays, protocol=protocol))
    for module in ("chumpy", "chumpy.ch", "chumpy.reordering"):
        sys.modules.pop(module)
    read, plain = body.load(file, betas=[0.7]), body.load(files["SMPL"], betas=[0.7])
    np.testing.assert_allclose(read.vertices, plain.vertices, atol=1e-12)
    np.testing.assert_array_equal(read.skin_weights, plain.skin_weights)


class Runs:
    def __reduce__(self):
        return exec, ("raise SystemExit('ran')",)


def test_damaged_files_raise_the_documented_error(tmp_path):
    """A small file, bytes changed, lost or added: 400 archives and 400 pickles."""
    rng = np.random.default_rng(0)
    numbers = {name: np.arange(6.0).reshape(2, 3) for name in ("v_template", "shapedirs", "weights", "f")}
    np.savez_compressed(tmp_path / "a.npz", **numbers)
    content = dict(numbers, J_regressor=sparse.csc_matrix(np.eye(4)), names=np.array(["a", 1], dtype=object))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content, protocol=2))
    for whole in (tmp_path / "a.npz", tmp_path / "a.pkl"):
        for _ in range(400):
            damaged = bytearray(whole.read_bytes())
            at = int(rng.integers(len(damaged)))
            spare = rng.integers(0, 256, 4, dtype=np.uint8).tobytes()
            damaged[at : at + int(rng.integers(0, 9))] = spare[: int(rng.integers(0, 5))]
            file = tmp_path / f"damaged{whole.suffix}"
            file.write_bytes(damaged)
            with pytest.raises(ValueError, match=file.name):
                body.load(file)


def test_files_that_would_run_code_are_refused(tmp_path, files):
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"v_template": Runs()}))
    with pytest.raises(ValueError, match=r"evil.pkl: refused to unpickle.*the name builtins.exec"):
        body.load(tmp_path / "evil.pkl")
    arrays = dict(model_file("SMPL"))
    np.savez(tmp_path / "extra.npz", **arrays, part2num=np.array({"a": Runs()}, dtype=object))
    np.testing.assert_array_equal(
        body.load(tmp_path / "extra.npz").vertices, body.load(files["SMPL"]).vertices
    )
    arrays["v_template"] = np.array([Runs()], dtype=object)
    np.savez(tmp_path / "evil.npz", **arrays)
    with pytest.raises(ValueError, match=r"evil.npz: v_template: .*plain numbers"):
        body.load(tmp_path / "evil.npz")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("weights", lambda a: a[:, :20], r"expected weights for 24 \(SMPL\), .* got \(6890, 20\)"),
        ("J_regressor", lambda a: a[:, :-1], r"J_regressor must be \(24, 6890\) .* got \(24, 6889\)"),
        ("shapedirs", lambda a: a[:-3], r"shapedirs must be \(6890, 3, 10\)"),
        ("v_template", lambda a: a[:, :2], r"v_template must be \(6890, 3\)"),
        ("v_template", lambda a: 1000 * a, "stands 1.* tall, expected 0.4 to 2.6 m"),
        ("v_template", lambda a: a * np.nan, "v_template must hold finite numbers"),
        ("v_template", lambda a: a[0, 0], r"v_template: .* got float64 of shape \(\)"),
        ("weights", lambda a: a.astype(complex), "weights: .* got complex128"),
        ("f", lambda a: a + 5000, r"f must be \(F, 3\) vertex indices under 6890"),
        ("f", lambda a: a.astype(str)[:2] + "x", "f: expected an array of numbers"),
        ("weights", None, "no array 'weights'"),
    ],
)
def test_wrong_arrays_are_named(tmp_path, name, change, message):
    arrays = model_file("SMPL")
    if change is None:
        del arrays[name]
    else:
        arrays[name] = change(arrays[name])
    np.savez(tmp_path / "model.npz", allow_pickle=False, **arrays)
    with pytest.raises(ValueError, match=message):
        body.load(tmp_path / "model.npz")


def test_archives_packed_in_other_ways_are_refused(tmp_path):
    np.savez(tmp_path / "plain.npz", **model_file("SMPL"))
    with (
        zipfile.ZipFile(tmp_path / "plain.npz") as plain,
        zipfile.ZipFile(tmp_path / "model.npz", "w", zipfile.ZIP_BZIP2) as packed,
    ):
        packed.writestr("v_template.npy", plain.read("v_template.npy"))
    with pytest.raises(ValueError, match=r"model\.npz: v_template: .*packed in a way numpy does not write"):
        body.load(tmp_path / "model.npz")


def test_wrong_requests_and_files(tmp_path, files):
    with pytest.raises(ValueError, match="up to 10 finite betas"):
        body.load(files["SMPL"], betas=[0.0] * 11)
    with pytest.raises(ValueError, match="up to 10 finite betas"):  # the other ten are expressions
        body.load(files["SMPL-X"], betas=[0.0] * 11)
    with pytest.raises(ValueError, match="finite betas"):
        body.load(files["SMPL"], betas=[float("inf")])
    with pytest.raises(ValueError, match="betas belong to SMPL-family files"):
        body.load(betas=[1.0])
    with pytest.raises(ValueError, match="phenotype shapes model 'anny'"):
        body.load(files["SMPL"], phenotype={"age": 0.5})
    with pytest.raises(FileNotFoundError, match=r"no file .*annie; expected 'anny' or"):
        body.load(tmp_path / "annie")
    (tmp_path / "model.obj").touch()
    with pytest.raises(ValueError, match=r"ending in .npz or .pkl, got 'model.obj'"):
        body.load(tmp_path / "model.obj")
    whole = files["SMPL"].read_bytes()
    for n, length in enumerate((0, 10, len(whole) // 2)):
        for suffix in ("npz", "pkl"):
            cut = tmp_path / f"cut{n}.{suffix}"
            cut.write_bytes(whole[:length])
            with pytest.raises(ValueError, match=cut.name):
                body.load(cut)
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1]))
    with pytest.raises(ValueError, match="expected a dict of arrays, got list"):
        body.load(tmp_path / "list.pkl")
