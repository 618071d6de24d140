"""Names of arriving objects: `CONTRATOS_{date:%Y%m%d}.txt` as a matcher over the path below the incoming prefix."""
