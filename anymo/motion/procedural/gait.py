"""Walking, running and stairs: planned footfalls, a pelvis driven by the ground force, limbs in step."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from anymo.motion.procedural.curves import (
    Rhythm,
    force_table,
    impact_table,
    lifts,
    moves,
    rhythm,
    sample_table,
    smooth_noise,
    swings,
)
from anymo.motion.procedural.limbs import TOE, Curves, Facts, ankle_path
from anymo.records import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Gait:
    """How someone gets along, for a body of scale 1.

    step_s         time between footfalls of left and right
    step_m         forward travel per step
    stance         share of a stride (two steps) that a foot is on the ground: > 0.5 walks, < 0.5 runs
    impact         heel strike peak of the ground force against its arch
    clearance_m    height of the swinging foot
    push_off_deg   heel lift at the end of stance
    strike_deg     toes up at heel strike
    arm_deg        forward-backward swing of the upper arm, half range
    elbow_deg      mean flexion
    lean_deg       trunk lean
    rise_m         height of each step (stairs), downward if negative
    width_m        distance between the feet's lines
    slope_deg      of the ground (ramps): feet tilt by it, and rise_m goes with it
    limp           share by which the step after the right foot's landing is shorter than the mean
    """

    step_s: float
    step_m: float
    stance: float
    impact: float
    clearance_m: float
    push_off_deg: float
    strike_deg: float
    arm_deg: float
    elbow_deg: float
    lean_deg: float
    rise_m: float = 0.0
    width_m: float = 0.14
    slope_deg: float = 0.0
    limp: float = 0.0


# How the pelvis leaves its even way, in step lengths, by multiples of the stride's frequency: forward and up
# those of the steps (even), sideways those of the strides (odd) (Menz, Lord and Fitzpatrick 2003). Sizes are
# those that bring generated walks near captured ones (benchmarks/gait.py).
_BRAKING = {2: 0.017, 4: 0.0045, 6: 0.0012}
_SWAY = {3: 0.0085, 5: 0.0018}
_BOB = {4: 0.004, 6: 0.0018}
_EARLY = 0.035  # share of the swing by which the foot gathers way before it leaves, and after it lands
_ROLLED = 0.07  # the former in walking: while the body rolls over the ball of the foot, its ankle goes ahead

WALK = Gait(
    step_s=0.54, step_m=0.68, stance=0.62, impact=0.42, clearance_m=0.035, push_off_deg=50, strike_deg=18,
    arm_deg=12, elbow_deg=22, lean_deg=3,
)  # fmt: skip
RUN = Gait(
    step_s=0.365, step_m=1.0, stance=0.36, impact=0.3, clearance_m=0.2, push_off_deg=48, strike_deg=8,
    arm_deg=24, elbow_deg=85, lean_deg=8, width_m=0.08,
)  # fmt: skip
STAIRS_UP = Gait(
    step_s=0.62, step_m=0.29, stance=0.64, impact=0.3, clearance_m=0.09, push_off_deg=30, strike_deg=0,
    arm_deg=10, elbow_deg=30, lean_deg=10, rise_m=0.17,
)  # fmt: skip
STAIRS_DOWN = Gait(
    step_s=0.58, step_m=0.29, stance=0.61, impact=0.9, clearance_m=0.05, push_off_deg=34, strike_deg=-14,
    arm_deg=10, elbow_deg=28, lean_deg=2, rise_m=-0.17,
)  # fmt: skip


def perform(c: Curves, rng: np.random.Generator, gait: Gait, speed: float, amplitude: float) -> Facts:
    """Fill the curves with a stretch of gait along +x.

    Cadence and step length share a change of speed by its square root (Grieve and Gear 1966); the style of
    the person is drawn.
    """
    pace = np.sqrt(speed)
    step_s = gait.step_s * c.body.scale**0.5 / pace
    beat = rhythm(rng, c.t, step_s, jitter=0.025, limp=gait.limp)
    step_m = gait.step_m * c.body.scale * pace * rng.uniform(0.93, 1.07)
    _feet(c, rng, gait, beat, step_m)
    _trunk(c, rng, gait, beat, step_m)
    _arms(c, rng, gait, beat, amplitude * speed**0.7)
    _fit_pelvis_height(c, gait)
    c.settles = "once" if gait.rise_m else "never"
    c.slope_rad = float(np.radians(gait.slope_deg))
    return {"mps": abs(step_m) / step_s, "per_minute": 60.0 / step_s}


def _feet(c: Curves, rng: np.random.Generator, gait: Gait, beat: Rhythm, step_m: float) -> None:
    """Foot k (even: left) lands at beat k, stays for its stance, and swings to its next place."""
    stride_s = np.gradient(beat.beats) * 2
    width = gait.width_m * c.body.scale * rng.uniform(0.8, 1.3) / 2
    for parity, side in enumerate("lr"):
        k = np.arange(parity, len(beat.beats), 2)
        land, stride = beat.beats[k], stride_s[k]
        off = land + gait.stance * stride
        swing = np.append(land[1:], off[-1] + (1 - gait.stance) * stride[-1]) - off
        before = _ROLLED if gait.stance > 0.5 else _EARLY
        early, longer = off - before * swing, (1.0 + before + _EARLY) * swing
        # the pelvis passes the foot at mid-stance
        place = step_m * (k + gait.stance - (0.15 if gait.stance > 0.5 else 0.05))
        hop = np.append(np.diff(place), 2 * step_m)
        c[f"{side}.fx"] = place[0] + swings(c.t, early, longer) @ hop
        sideways = (width if side == "l" else -width) + 0.008 * rng.standard_normal(len(k) + 1)
        c[f"{side}.fy"] = sideways[0] + swings(c.t, early, longer) @ np.diff(sideways)
        height = gait.clearance_m * rng.uniform(0.85, 1.2)
        aloft = longer if gait.stance < 0.5 else 0.8 * longer  # who walks lifts the foot at once
        c[f"{side}.lift"] = height * lifts(c.t, early, aloft).sum(axis=1)
        if gait.rise_m:
            c[f"{side}.lift"] += gait.rise_m * (k[0] + 2 * moves(c.t, off, 0.8 * swing).sum(axis=1))
        c[f"{side}.heel"] = np.radians(_heel_deg(c.t, gait, land, stride, off, swing))


def _heel_deg(t: Array, gait: Gait, land: Array, stride: Array, off: Array, swing: Array) -> Array:
    """Foot pitch: toes up at strike, then flat, heel up at push-off, back to toes up during swing."""
    rise = 0.42 * gait.stance * stride
    flat = moves(t, land, np.minimum(0.16 * stride, 0.5 * gait.stance * stride)).sum(axis=1)
    up = moves(t, off - rise, 1.35 * rise).sum(axis=1)
    later = 0.0 if gait.stance > 0.5 else 0.25 * rise
    down = moves(t, off + later, swing - later).sum(axis=1)
    push, strike = gait.push_off_deg, gait.strike_deg
    return np.asarray(-strike + strike * flat + push * up - (push + strike) * down)


def _trunk(c: Curves, rng: np.random.Generator, gait: Gait, beat: Rhythm, step_m: float) -> None:
    """Pelvis and trunk: forward travel, bob with impact, sway over the standing foot, counter-rotation."""
    phase, swing = beat.phase, np.cos(np.pi * beat.phase)
    style = rng.uniform(0.7, 1.3, size=5)
    strength = 1.0 + 0.15 * smooth_noise(rng, c.t, 1, 0.5)[:, 0]
    size = 0.35 * c.body.scale + 0.35 * (abs(step_m) + abs(gait.rise_m))
    impact = impact_table(gait.impact * np.exp(0.4 * rng.standard_normal()))
    jolt = beat.period**2 * sample_table(impact, phase)
    jolt *= strength * (1.0 + 0.12 * rng.standard_normal() * swing)  # no one steps alike with both feet
    c["x"] = step_m * phase + size * _harmonics(rng, phase, _BRAKING) - 0.3 * style[2] * jolt
    c["y"] = style[0] * 0.16 * gait.width_m * c.body.scale * np.cos(np.pi * (phase - gait.stance))
    c["y"] += size * _harmonics(rng, phase - gait.stance - 0.5, _SWAY)
    runs = gait.stance < 0.5
    bob = (
        beat.period**2 * sample_table(force_table(2 * gait.stance), phase)
        if runs
        else -style[1] * _bob_m(gait, step_m) * np.cos(2 * np.pi * (phase - 0.12))
        + size * _harmonics(rng, phase - 0.245, _BOB)
    )
    c["z"] += bob + jolt
    if gait.rise_m:
        c["z"] += gait.rise_m * (phase - 0.35)
    yaw = 5.0 * style[3] * strength
    c.add({"yaw": -1.0, "turn": 2.1, "look": -1.0}, yaw * swing)
    c.add({"lean": 1.0, "side": -1.2}, 2.2 * style[1] * np.sin(np.pi * (phase - 0.2)))
    c.add({"side": -30.0, "lean": -14.0}, gait.limp * style[4] * np.sin(np.pi * (phase - 1.0)))
    lean = gait.lean_deg + 2.5 * rng.standard_normal()
    c.add({"pitch": 0.45, "bend": 0.55, "nod": -0.6}, lean + 0.8 * np.cos(2 * np.pi * phase + style[4]))


def _bob_m(gait: Gait, step_m: float) -> float:
    """How far the pelvis of one who walks rises and falls, half range.

    More on stairs downward than upward: the ground force peaks at up to 1.6 times body weight on steep ones,
    and little above level walking's upward (Stacoff et al. 2005). With impacts the generated pelvis peaks
    higher, by like ratios: (1 + acceleration / g) is 1.5 on the level, 1.4 upward, 1.8 downward (6 Hz).
    """
    return 0.018 * abs(step_m) + (0.06 if gait.rise_m > 0 else 0.095) * abs(gait.rise_m)


def _harmonics(rng: np.random.Generator, phase: Array, amplitudes: dict[int, float]) -> Array:
    """(T,) sum of a_k sin(pi k phase); the person's sizes (by exp(0.4 N)) and phases (by 0.4 N rad) drawn."""
    drawn = rng.standard_normal((len(amplitudes), 2))
    waves = [
        a * np.exp(0.4 * n[0]) * np.sin(np.pi * k * phase + 0.4 * n[1])
        for (k, a), n in zip(amplitudes.items(), drawn, strict=True)
    ]
    return np.asarray(np.sum(waves, axis=0))


def _arms(c: Curves, rng: np.random.Generator, gait: Gait, beat: Rhythm, amplitude: float) -> None:
    """Arms swing against the legs, the elbow bending as the arm comes forward."""
    elbow = gait.elbow_deg - 14.0 + 6.0 * rng.standard_normal()
    for side, sign in (("l", -1.0), ("r", 1.0)):
        strength = amplitude * rng.uniform(0.8, 1.2) * (1.0 + 0.15 * smooth_noise(rng, c.t, 1, 0.5)[:, 0])
        lag = rng.uniform(0.02, 0.14)
        swing = sign * strength * np.cos(np.pi * (beat.phase - lag))
        follow = sign * strength * np.cos(np.pi * (beat.phase - lag - 0.12))
        c.add({f"{side}.flex": gait.arm_deg, f"{side}.twist": 0.25 * gait.arm_deg}, swing)
        c.add({f"{side}.elbow": 0.55 * gait.arm_deg, f"{side}.pron": 0.2 * gait.arm_deg}, follow)
        c.add({f"{side}.elbow": elbow, f"{side}.flex": 2.0 - 0.08 * gait.elbow_deg, f"{side}.out": 3.0})
        c.add({f"{side}.twist": 0.25 * gait.elbow_deg})


def _fit_pelvis_height(c: Curves, gait: Gait) -> None:
    """Lower the pelvis as far as the stretched leg of each planted foot asks for, smoothly over time."""
    body, excess = c.body, np.full(len(c.t), -np.inf)
    pelvis_height = body.standing_height + c["z"]
    for side, sign in (("l", 1.0), ("r", -1.0)):
        toe = body.joint_offsets[TOE[side]]
        columns = np.stack([c[f"{side}.{n}"] for n in ("fx", "fy", "lift", "heel", "toe_out")], axis=-1)
        ankle, _ = ankle_path(columns, toe, body)
        reach = 0.992 * body.leg
        dx, dy = ankle[:, 0] - c["x"], ankle[:, 1] - c["y"] - sign * body.hip_half_width
        highest = ankle[:, 2] + np.sqrt(np.maximum(reach**2 - dx**2 - dy**2, 0.05)) + body.hip_drop
        excess = np.maximum(excess, pelvis_height - highest)
    if gait.stance > 0.5:
        width = 0.35 * gait.step_s * (len(c.t) - 1) / c.t[-1]
        c["z"] -= gaussian_filter1d(maximum_filter1d(excess, 2 * int(width) + 1), width / 2, mode="nearest")
    else:
        c["z"] -= np.quantile(excess, 0.7)


def curve_path(c: Curves, curvature: float) -> None:
    """Bend a straight path into an arc of a curvature in 1/m, positive to the left; feet stay planted."""
    start = c["x"][0]
    for x, y, yaw, sign in (
        ("x", "y", "yaw", 1),
        ("l.fx", "l.fy", "l.toe_out", 1),
        ("r.fx", "r.fy", "r.toe_out", -1),
    ):
        heading = curvature * (c[x] - start)
        along, across = np.sin(heading) / curvature, (1.0 - np.cos(heading)) / curvature
        c[x], c[y] = along - c[y] * np.sin(heading), across + c[y] * np.cos(heading)
        c[yaw] += sign * heading


def turn_around(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> Facts:
    """Turn on the spot in small steps, back and forth, with rests between."""
    step_rad, step_s = np.radians(38.0) * amplitude, 0.42 / speed
    begins, turns, now, sign = [], [], -rng.uniform(0.0, 2.0), rng.choice([-1.0, 1.0])
    while now < c.t[-1]:
        for _ in range(rng.integers(4, 10)):
            begins.append(now)
            turns.append(sign * step_rad * rng.uniform(0.8, 1.2))
            now += step_s * rng.uniform(0.9, 1.15)
        now += rng.uniform(0.4, 1.6)
        sign = -sign if rng.uniform() < 0.6 else sign
    starts, angles = np.array(begins), np.array(turns)
    long = np.full(len(starts), 2.2 * step_s)
    body_yaw = moves(c.t, starts, long) @ angles
    ahead = moves(c.t + 0.1, starts, long) @ angles - moves(c.t - 0.1, starts, long) @ angles  # eyes lead
    for parity, side, sign in ((0, "l", 1.0), (1, "r", -1.0)):
        stop = len(starts) - len(starts) % 2
        pair = angles[0:stop:2] + angles[1:stop:2]
        swing = moves(c.t, starts[parity:stop:2], np.full(stop // 2, 1.05 * step_s))
        yaw, reach = swing @ pair, c[f"{side}.fy"].copy()
        c[f"{side}.fx"], c[f"{side}.fy"] = -reach * np.sin(yaw), reach * np.cos(yaw)
        c[f"{side}.toe_out"] += sign * yaw
        lift = lifts(c.t, starts[parity:stop:2], np.full(stop // 2, 1.05 * step_s)).sum(axis=1)
        c[f"{side}.lift"] += 0.05 * lift
        c["y"] -= sign * 0.02 * lift
        c.add({f"{'r' if side == 'l' else 'l'}.flex": 7.0, "z": -0.01}, lift)
    c["z"] -= 0.02
    c["yaw"] += body_yaw
    c.add({"look": 10.0, "turn": 6.0}, ahead / 0.2)
    return {"per_minute": 60.0 / step_s}
