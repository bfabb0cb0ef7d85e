"""Speed against peers, as ratios from one run; may import any stage, and no stage imports it."""
