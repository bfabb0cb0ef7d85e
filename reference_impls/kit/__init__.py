"""What every service of the lab shares: settings, logs, problems, timing, metrics, and its two servers' clients."""
