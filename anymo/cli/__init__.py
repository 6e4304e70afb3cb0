"""The `anymo` command and the frame of the stage scripts."""
