"""AnyMo: body motion to inertial signals, to motion tokens, to words."""
