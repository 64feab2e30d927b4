"""Examples of what the AI says, for people to judge: docs/samples, written by `write_samples`."""
