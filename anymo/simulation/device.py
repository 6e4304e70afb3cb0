"""Errors of a real device on top of the ideal sensor."""

from dataclasses import dataclass

import numpy as np

from anymo.records import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceModel:
    """Turn-on bias, scale error and white noise of a consumer MEMS part.

    Defaults are rounded from the Bosch BMI270 data sheet (rev. 1.3): noise density 160 µg/√Hz and
    0.007 °/s/√Hz, zero offset ±20 mg and ±0.5 °/s, sensitivity error ±0.4 %.
    """

    acc_noise_density: float = 160e-6 * 9.80665  # m/s²/√Hz
    gyro_noise_density: float = np.deg2rad(0.007)  # rad/s/√Hz
    acc_bias_mps2: float = 0.02 * 9.80665  # standard deviation of the turn-on bias per axis
    gyro_bias_radps: float = np.deg2rad(0.5)
    scale_error: float = 0.004  # standard deviation per axis

    def apply(self, signal: Array, rate_hz: float, rng: np.random.Generator) -> Array:
        """Corrupt signals (..., T, 6), acc m/s² and gyro rad/s, of bandwidth rate / 2.

        One draw of bias and scale for each signal, white noise per sample with standard deviation
        density · √(rate / 2).
        """
        per_device = (*signal.shape[:-2], 1, 6)
        density = np.repeat([self.acc_noise_density, self.gyro_noise_density], 3)
        bias = np.repeat([self.acc_bias_mps2, self.gyro_bias_radps], 3) * rng.standard_normal(per_device)
        scale = 1 + self.scale_error * rng.standard_normal(per_device)
        noise = density * np.sqrt(rate_hz / 2) * rng.standard_normal(signal.shape)
        corrupted: Array = signal * scale + bias + noise
        return corrupted
