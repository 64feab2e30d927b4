"""How fast, as ratios against reviewed baselines: `make bench` (docs/benchmarks.md)."""
