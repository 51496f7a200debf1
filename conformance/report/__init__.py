"""Reports: each reads results (and the rules) and nothing else."""
